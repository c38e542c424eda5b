/* A panel that waits for the server: nothing for 200 ms, then a skeleton, after 5 s a word that
   it takes longer; and when there is no answer that panel alone says so, with a way to ask
   again. What is shown is in two <template>s beside this script. */
(() => {
  'use strict';
  const A = window.Aoli;
  const SKELETON_MS = 200;
  const LONG_MS = 5000;

  /* What had the focus goes with the old content: the focus stays at the panel. */
  function fill(node, part) {
    const inside = node.contains(document.activeElement);
    const next = A.$('[data-again]', part);
    node.textContent = '';
    node.append(part);
    if (!inside) return;
    if (!next) node.tabIndex = -1;
    (next || node).focus({ preventScroll: true });
  }
  function clock() {
    return new Date().toLocaleTimeString('en-GB', { timeZone: A.zone });
  }

  /* `node` holds the words for its failure: data-failed-title, and data-failed-text, in which
     %s stands for the time. */
  A.panel = (node) => {
    let soon = null;
    let long = null;
    let since = 0;
    let ours = '';

    function stop() {
      clearTimeout(soon);
      clearInterval(long);
      node.removeAttribute('aria-busy');
    }
    function skeleton() {
      const part = A.$('#skeleton-template').content.firstElementChild.cloneNode(true);
      const word = A.$('[data-slow]', part);
      fill(node, part);
      ours = 'skeleton';
      long = setInterval(() => {
        const seconds = Math.floor((Date.now() - since) / 1000);
        if (seconds * 1000 < LONG_MS) return;
        if (word.dataset.said) {
          word.lastElementChild.textContent = part.dataset.long.replace('%s', seconds);
          return;
        }
        word.dataset.said = '1'; /* read out once; the seconds go on for the eye alone */
        const told = document.createElement('span');
        const seen = document.createElement('span');
        told.className = 'vh';
        told.textContent = part.dataset.long.replace('%s', seconds);
        seen.setAttribute('aria-hidden', 'true');
        seen.textContent = told.textContent;
        word.replaceChildren(told, seen);
      }, 1000);
    }
    return {
      wait() {
        stop();
        since = Date.now();
        node.setAttribute('aria-busy', 'true');
        soon = setTimeout(skeleton, SKELETON_MS);
      },
      /* The answer is there: whoever has it fills the panel. */
      done() {
        stop();
        if (ours) node.textContent = '';
        ours = '';
      },
      fail(again) {
        stop();
        const text = node.dataset.failedText.replace('%s', clock());
        if (ours === 'failed') {
          A.$('[data-text]', node).textContent = text;
          return;
        }
        const part = A.$('#failed-template').content.firstElementChild.cloneNode(true);
        A.$('[data-title]', part).textContent = node.dataset.failedTitle;
        A.$('[data-text]', part).textContent = text;
        A.$('[data-again]', part).addEventListener('click', again);
        fill(node, part);
        ours = 'failed';
      },
    };
  };
})();
