/* The lines that the console shows: a part of the output, which grows at both ends. A row knows
   its replica and the bytes before it, which is its place in the output. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const KEEP = 2000;
  const MOST = 20000;

  /* `box` is the console; `told(n)` hears of n lines that came while nobody followed. */
  A.consoleLines = (box, told) => {
    const lines = $('#lines', box);
    const follow = $('#follow', box);
    const memory = new Map();
    let top = null; /* the place before the first line that is shown */
    let bottom = null; /* the place behind the last */
    let keep = KEEP;
    let extras =
      []; /* below the lines: what is still drawn, that there is nothing, what ended it */

    function following() {
      return follow.getAttribute('aria-pressed') === 'true';
    }
    function toBottom() {
      lines.scrollTop = lines.scrollHeight;
    }
    function atBottom() {
      return lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
    }

    /* ---------- places ---------- */
    function parse(place) {
      const [attempt, number, offsets] = String(place).split(':');
      return {
        attempt: Number(attempt),
        number: Number(number),
        offsets: offsets.split(',').map(Number),
      };
    }
    function name(place) {
      return [place.attempt, place.number, place.offsets.join(',')].join(':');
    }
    function shift(place, row, by) {
      place.number += place.number || by > 0 ? by : 0;
      place.offsets[row.aoliFile] += by * row.aoliBytes;
    }

    /* ---------- drawing ---------- */
    function cell(cls, text) {
      const span = document.createElement('span');
      span.className = cls;
      if (text !== undefined) span.textContent = text;
      return span;
    }
    function pods() {
      const pod = $('#pod', box);
      if (!pod) return null;
      return pod.value === pod.dataset.all
        ? [...pod.options].filter((option) => option.value !== pod.dataset.all)
        : [pod.selectedOptions[0]];
    }
    function draw(line, number, names, notes) {
      const [at, text, bytes, file = 0] = line;
      const row = document.createElement('div');
      row.append(cell('n', number ?? ''));
      row.aoliBytes = bytes;
      row.aoliFile = file;
      if (bytes) row.dataset.line = number ?? '';
      const t = cell(
        't no-m',
        at ? new Date(at).toLocaleTimeString('en-GB', { timeZone: A.zone }) : '',
      );
      t.title = at;
      row.append(t);
      const whose = names && names[file];
      if (whose) {
        /* whose line it is, where there are several */
        row.append(cell(names.length > 1 ? 'p' : 'p no-m', whose.dataset.label));
        if (whose.dataset.failed) row.classList.add('failed');
      }
      const x = cell('x');
      A.terminal.paint(x, text);
      if (!notes.has(file)) notes.set(file, {});
      x.className = `x${A.terminal.level(x.textContent, notes.get(file))}`;
      row.append(x);
      return row;
    }
    /* Rows of an answer's lines; `begin` is the place before the first. */
    function rowsOf(fresh, first, begin, notes) {
      const offsets = [...begin.offsets];
      const names = pods();
      return fresh.map((line, i) => {
        const number = line.length > 3 ? line[4] : first === null ? null : first + i;
        const row = draw(line, number, names, notes);
        row.aoliOffset = offsets[row.aoliFile];
        offsets[row.aoliFile] += row.aoliBytes;
        return row;
      });
    }
    /* A line that has no end yet is drawn in place, below all others; then what ended it all. */
    function dropExtras() {
      extras.forEach((row) => row.remove());
      extras = [];
    }
    function extra(cls, text) {
      const row = document.createElement('div');
      row.className = cls;
      row.textContent = text;
      return row;
    }
    function addExtras(news) {
      const names = pods();
      extras = (news.live || []).map((line) => {
        const row = draw(line, null, names, new Map());
        row.classList.add('live-line');
        return row;
      });
      if (!kept() && !extras.length) extras.push(extra('nothing dim', box.dataset.empty));
      if (news.end) extras.push(extra('end-note', news.end));
      lines.append(...extras);
    }
    function kept() {
      return lines.querySelectorAll(':scope > [data-line]').length;
    }

    /* ---------- growing and giving way ---------- */
    function clear() {
      lines.textContent = '';
      extras = [];
      memory.clear();
      top = bottom = null;
      keep = KEEP;
    }
    /* While one follows, the oldest lines give way; what is being read never moves. */
    function trimTop() {
      const height = lines.scrollHeight;
      const at = lines.scrollTop;
      for (let excess = kept() - (following() ? keep : MOST); excess > 0; excess -= 1) {
        const row = lines.firstElementChild;
        shift(top, row, 1);
        row.remove();
      }
      if (!following() && lines.scrollHeight !== height)
        lines.scrollTop = at - (height - lines.scrollHeight);
    }
    /* Whether the newest of them had to go: the output then goes on behind what is shown. */
    function trimBottom() {
      const excess = kept() - MOST;
      if (excess <= 0) return false;
      dropExtras();
      for (let n = 0; n < excess; n += 1) {
        const row = lines.lastElementChild;
        shift(bottom, row, -1);
        row.remove();
      }
      return true;
    }
    function append(news) {
      const from = parse(news.begin);
      if (!top) top = parse(news.begin);
      bottom = parse(news.offset);
      const stick = following();
      dropExtras();
      const rows = rowsOf(news.lines, news.first, from, memory);
      lines.append(...rows);
      trimTop();
      addExtras(news);
      if (stick) toBottom();
      else if (rows.length) told(rows.length);
      return rows;
    }
    function prepend(old) {
      const begin = parse(old.begin);
      const rows = rowsOf(old.lines, old.first, begin, new Map());
      const height = lines.scrollHeight;
      const at = lines.scrollTop;
      top = begin;
      lines.prepend(...rows);
      keep = Math.max(keep, kept());
      /* the line that was first stays where it is */
      lines.scrollTop = at + lines.scrollHeight - height;
      return trimBottom();
    }
    function find(file, offset) {
      return [...lines.children].find((row) => row.aoliOffset === offset && row.aoliFile === file);
    }
    function size(detached) {
      const all = lines.querySelectorAll(':scope > [data-line]');
      const count = all.length;
      const first = count ? Number(all[0].dataset.line) : 0;
      const last = count ? Number(all[count - 1].dataset.line) : 0;
      const numbered = last > 0 && last - first === count - 1;
      let form = count === 1 ? box.dataset.one : box.dataset.all;
      if (numbered && detached) form = box.dataset.range;
      else if (numbered && count < last) form = box.dataset.last;
      const words = { '%a': first, '%b': last, '%n': count, '%t': last };
      $('[data-size]', box).textContent = count
        ? form.replace(/%[abnt]/g, (word) => words[word].toLocaleString('en'))
        : '';
    }
    return {
      lines,
      following,
      toBottom,
      atBottom,
      append,
      prepend,
      clear,
      trimTop,
      find,
      size,
      begins: () => Boolean(top) && top.offsets.every((offset) => !offset),
      above: () => name(top),
      below: () => name(bottom),
      forget() {
        keep = KEEP;
      },
    };
  };
})();
