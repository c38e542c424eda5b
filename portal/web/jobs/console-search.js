/* Search in the console: the server looks through all that is kept, the page marks what it shows.
   A hit is its replica's number and the bytes before its line. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const TYPING_MS = 250;
  const PART = 1000; /* hits in one answer; the server knows the same number */

  /* `shown` is what console-lines.js made, `reach(hit)` brings a hit's line into view. */
  A.consoleSearch = (box, shown, query, reach) => {
    const field = $('#console-search', box);
    const words = $('[data-hits]', box);
    let hits = [];
    let first = 0; /* the number of hits before these */
    let total = 0;
    let complete = true;
    let at = -1; /* among all hits */
    let timer = null;
    let asked = 0;

    /* ---------- marks ---------- */
    function unmark() {
      shown.lines.querySelectorAll('mark').forEach((mark) => {
        const parent = mark.parentNode;
        mark.replaceWith(mark.textContent);
        parent.normalize();
      });
      uncur();
    }
    function uncur() {
      shown.lines.querySelectorAll('.cur').forEach((row) => {
        row.classList.remove('cur');
      });
    }
    function markIn(node, wanted) {
      let i = node.nodeValue.toLowerCase().indexOf(wanted);
      while (i >= 0) {
        const hit = node.splitText(i);
        const rest = hit.splitText(wanted.length);
        const mark = document.createElement('mark');
        hit.replaceWith(mark);
        mark.textContent = hit.nodeValue;
        node = rest;
        i = node.nodeValue.toLowerCase().indexOf(wanted);
      }
    }
    function wanted() {
      return field.value.toLowerCase();
    }
    function mark(rows) {
      if (!field.value) return;
      rows.forEach((row) => {
        const x = $('.x', row);
        if (!x || !x.textContent.toLowerCase().includes(wanted())) return;
        const walker = document.createTreeWalker(x, NodeFilter.SHOW_TEXT);
        const nodes = [];
        while (walker.nextNode()) nodes.push(walker.currentNode);
        nodes.forEach((node) => {
          markIn(node, wanted());
        });
      });
    }

    /* ---------- hits ---------- */
    function say() {
      const data = box.dataset;
      const number = `${total.toLocaleString('en')}${complete ? '' : '+'}`;
      words.textContent = total
        ? data.found.replace('%i', (at + 1).toLocaleString('en')).replace('%n', number)
        : complete
          ? data.none
          : data.noneYet;
    }
    function current() {
      return hits[at - first];
    }
    function show(row) {
      uncur();
      if (!row) return;
      row.classList.add('cur');
      row.scrollIntoView({ block: 'center', inline: 'nearest' });
    }
    async function ask(skip) {
      const mine = (asked += 1);
      const wish = query();
      wish.set('q', field.value);
      if (skip !== undefined) wish.set('skip', skip);
      try {
        const answer = await A.live.get(`${box.dataset.find}?${wish}`);
        const found = await answer.json();
        if (mine !== asked) return false;
        ({ hits, first, total, complete } = found);
        return true;
      } catch {
        if (mine === asked) {
          words.textContent = '';
          A.toast('dng', box.dataset.findFailed);
        }
        return false;
      }
    }
    async function begin() {
      clearTimeout(timer);
      timer = null;
      unmark();
      hits = [];
      total = 0;
      at = -1;
      $('#hits', box).hidden = !field.value;
      words.textContent = '';
      asked += 1;
      if (!field.value) return;
      mark([...shown.lines.children]);
      if (!(await ask())) return;
      at = total - 1;
      say();
      if (total) await reach(current(), show);
    }
    async function step(by) {
      if (!total) return;
      at = (at + by + total) % total;
      if (!current() && !(await ask(Math.max(0, at - PART / 2)))) return;
      at = Math.min(at, total - 1);
      say();
      if (current()) await reach(current(), show);
    }
    function reset() {
      field.value = '';
      begin();
    }
    field.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(begin, field.value ? TYPING_MS : 0);
    });
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        if (timer) begin();
        else step(event.shiftKey ? -1 : 1);
      }
      if (event.key === 'Escape') reset();
    });
    $('#hit-next', box).addEventListener('click', () => {
      step(1);
    });
    $('#hit-previous', box).addEventListener('click', () => {
      step(-1);
    });
    return {
      /* Lines that came since count too, unless the answer knew them. */
      grown(rows) {
        if (!field.value || at < 0) {
          mark(rows);
          if (field.value && rows.some((row) => row.textContent.toLowerCase().includes(wanted())))
            begin();
          return;
        }
        const atEnd = first + hits.length === total;
        rows.forEach((row) => {
          if (!$('.x', row).textContent.toLowerCase().includes(wanted())) return;
          const known = hits.some((hit) => hit[0] === row.aoliFile && hit[1] >= row.aoliOffset);
          if (known) return;
          total += 1;
          if (atEnd) hits.push([row.aoliFile, row.aoliOffset]);
        });
        mark(rows);
        say();
      },
      mark,
      again: begin,
      uncur,
      show,
    };
  };
})();
