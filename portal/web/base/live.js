/* News from the server: one stream per page, polling when there is none.

   Parts of a page subscribe with Aoli.live.on(function (ids) {...}); `ids` is a list of job
   ids that changed, or null for "anything may have changed". They fetch with Aoli.live.get,
   which counts what fails. An element with data-fragment is fetched anew by itself and swapped
   only when its HTML differs and nothing in it is being read or edited. */
(() => {
  'use strict';
  const A = window.Aoli;
  const POLL_MS = 5000;
  const SAFETY_MS = 30000;
  const GATHER_MS = 250;
  const AGAIN_MS = 2000;
  const RETRY_S = 20;
  const PATIENCE = 3;
  const listeners = [];
  const pending = new Set();
  let everything = false;
  let gathering = null;
  let source = null;
  let streaming = false;
  let failed = 0;
  let next = null;
  let dueAt = 0;
  let missedAt = 0;
  let refusedAt = 0;
  let heardAt = Date.now(); /* when the page was last known to show what is */
  let leaving = false;
  const address = document.body.dataset.stream;

  function tell() {
    gathering = null;
    const ids = everything ? null : Array.from(pending);
    pending.clear();
    everything = false;
    listeners.forEach((listener) => {
      listener(ids);
    });
  }
  function changed(id) {
    if (id) pending.add(id);
    else everything = true;
    if (!gathering) gathering = setTimeout(tell, GATHER_MS);
  }

  /* ---------- how it stands ---------- */
  function badge() {
    const paused = failed >= PATIENCE;
    const state = paused ? 'paused' : streaming ? 'live' : 'polling';
    const left = Math.max(1, Math.ceil((dueAt - Date.now()) / 1000));
    A.$all('[data-live-badge]').forEach((node) => {
      const text = node.dataset[state].replace('%s', left);
      const word = A.$('[data-word]', node);
      if (word.textContent !== text) word.textContent = text;
      node.dataset.state = state;
    });
    age();
  }
  function age() {
    A.$all('[data-age]').forEach((node) => {
      node.textContent = node.dataset.age.replace(
        '%s',
        Math.max(0, Math.floor((Date.now() - heardAt) / 1000)),
      );
    });
  }
  function heard() {
    heardAt = Date.now();
    age();
  }
  setInterval(() => {
    if (document.hidden) return;
    if (failed >= PATIENCE) badge();
    else age();
  }, 1000);
  function worked() {
    if (!failed) return;
    failed = 0;
    badge();
    schedule();
  }
  function missed() {
    /* several parts that fail together are one failure */
    if (Date.now() - missedAt >= 1000) {
      missedAt = Date.now();
      failed += 1;
    }
    schedule();
    badge();
  }

  /* ---------- fetching ---------- */
  async function get(where) {
    let answer = null;
    try {
      answer = await A.ask(where);
    } catch (error) {
      if (!document.hidden && !leaving) missed();
      throw error;
    }
    if (answer.status < 500) worked();
    else missed();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    heard();
    return answer;
  }

  /* ---------- the stream, and what stands in for it ---------- */
  function open() {
    if (!address || source || document.hidden || leaving) return;
    source = new EventSource(address);
    source.addEventListener('open', () => {
      streaming = true;
      failed = 0;
      clearTimeout(next);
      badge();
    });
    source.addEventListener('hello', () => {
      changed(null);
    }); /* what was missed meanwhile */
    source.addEventListener('job', (event) => {
      heard();
      changed(JSON.parse(event.data).id);
    });
    source.addEventListener('nodes', () => {
      heard();
      changed(null);
    });
    source.addEventListener('bye', () => {
      close();
      again(500 + Math.random() * 1000);
    }); /* it begins anew */
    source.addEventListener('error', () => {
      /* refused, or the server is away */
      const refused = source && source.readyState === EventSource.CLOSED && !streaming;
      close();
      if (refused) {
        refusedAt = Date.now();
        changed(null);
        badge();
        schedule();
      } else missed();
    });
  }
  function close() {
    if (source) {
      source.close();
      source = null;
    }
    streaming = false;
  }
  /* The next look: soon after a break, in 20 s when nothing answers, else every 5 s. */
  function schedule() {
    if (streaming) return;
    again(failed >= PATIENCE ? RETRY_S * 1000 : failed ? AGAIN_MS : POLL_MS);
  }
  function again(ms) {
    clearTimeout(next);
    dueAt = Date.now() + ms;
    next = setTimeout(look, ms);
  }
  function look() {
    if (document.hidden || leaving) return;
    if (Date.now() - refusedAt >= RETRY_S * 1000 || !refusedAt) open();
    if (!streaming) {
      changed(null);
      again(failed >= PATIENCE ? RETRY_S * 1000 : POLL_MS);
    }
  }
  function stop() {
    close();
    clearTimeout(next);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stop();
    else {
      changed(null);
      open();
      schedule();
    }
  });
  setInterval(() => {
    if (!document.hidden && streaming) changed(null);
  }, SAFETY_MS);
  document.addEventListener('aoli:refresh', () => {
    changed(null);
    refusedAt = 0;
    open();
  });
  addEventListener('online', () => {
    refusedAt = 0;
    look();
  });
  addEventListener('pagehide', () => {
    leaving = true;
    stop();
  });
  addEventListener('pageshow', () => {
    leaving = false;
    if (address) open();
  });

  /* ---------- fragments ---------- */
  async function refresh(node) {
    if (node.dataset.loading) {
      node.dataset.again = '1';
      return;
    }
    node.dataset.loading = '1';
    const from = node.dataset.fragment;
    try {
      const answer = await get(from);
      const html = await answer.text();
      if (node.dataset.fragment === from) swap(node, html); /* else another is wanted meanwhile */
    } catch {
      /* the next round tries again */
    } finally {
      delete node.dataset.loading;
      if (node.dataset.again) {
        delete node.dataset.again;
        refresh(node);
      }
    }
  }
  /* What is marked stays marked, and what is pressed stays below the pointer: the news waits. */
  function busy(node) {
    if (A.pressed()) return true;
    const selection = getSelection();
    return (
      selection &&
      !selection.isCollapsed &&
      selection.rangeCount > 0 &&
      selection.getRangeAt(0).intersectsNode(node)
    );
  }
  let held = false;
  function hold() {
    held = true;
  }
  function free() {
    const selection = getSelection();
    if (held && (!selection || selection.isCollapsed)) {
      held = false;
      changed(null);
    }
  }
  document.addEventListener('selectionchange', free);
  document.addEventListener('aoli:released', free);
  function swap(node, html) {
    if (node.aoliLast === html) return;
    const active = document.activeElement;
    const inside = active && node.contains(active);
    if (inside && A.typing(active)) return; /* an open edit is never pulled away */
    if (node.querySelector('dialog[open], details.drop[open]')) return;
    if (busy(node)) {
      hold();
      return;
    }
    const key = inside ? active.dataset.key || active.id : '';
    const scrolled = A.$all('.tblw, pre', node).map((box) => [box.scrollLeft, box.scrollTop]);
    node.aoliLast = html;
    node.innerHTML = html;
    A.$all('.tblw, pre', node).forEach((box, i) => {
      if (scrolled[i]) {
        box.scrollLeft = scrolled[i][0];
        box.scrollTop = scrolled[i][1];
      }
    });
    if (key) {
      const back =
        node.querySelector(`[data-key="${CSS.escape(key)}"]`) || document.getElementById(key);
      if (back) back.focus();
    }
    badge();
    node.dispatchEvent(new CustomEvent('aoli:swapped', { bubbles: true }));
  }
  listeners.push((ids) => {
    A.$all('[data-fragment]').forEach((node) => {
      const only = node.dataset.job;
      if (!ids || !only || ids.includes(only)) refresh(node);
    });
  });

  A.live = {
    on(listener) {
      listeners.push(listener);
    },
    changed,
    refresh,
    swap,
    get,
    busy,
    hold,
  };
  age();
  if (address) open();
})();
