/* One line of output as a terminal shows it: styles, colours, links, what was typed over.
   Text is only ever set as text, never as HTML. */
(() => {
  'use strict';
  const A = window.Aoli;
  const NAMES = ['dim', 'er', 'ok', 'wn', 'in', 'mg', 'cy', 'fg'];
  const STEPS = [0, 95, 135, 175, 215, 255];
  const GROUND = [16, 20, 26];
  const CONTRAST = 4.5;
  /* CSI, OSC (and other strings), other escape sequences, one control character */
  const PARTS =
    /\x1b\[([0-9:;<=>?]*)[ -/]*([@-~])|\x1b[\]P^_X]([^\x07\x1b]*)(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f]/g;
  const SPECIAL = /[\x00-\x08\x0b-\x1f\x7f]/;
  const PLAIN = { key: '', classes: '', color: null, ground: null, href: '' };

  /* ---------- colours ---------- */
  function luminance(rgb) {
    const [r, g, b] = rgb.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }
  /* A colour that cannot be read on its ground goes towards white, or black on a light one. */
  function readable(rgb, ground) {
    const goal = luminance(ground) > 0.18 ? 0 : 255;
    let found = rgb;
    for (let n = 1; n <= 10 && contrast(found, ground) < CONTRAST; n += 1)
      found = rgb.map((part) => Math.round(part + ((goal - part) * n) / 10));
    return found;
  }
  function css(rgb) {
    return `rgb(${rgb.join(' ')})`;
  }
  const BASE = [
    [12, 16, 21],
    [205, 60, 60],
    [40, 150, 80],
    [190, 145, 40],
    [60, 110, 200],
    [160, 80, 170],
    [40, 140, 150],
    [200, 206, 215],
    [120, 130, 145],
    [255, 154, 154],
    [127, 209, 160],
    [233, 190, 107],
    [143, 196, 240],
    [220, 160, 230],
    [130, 215, 220],
    [245, 247, 250],
  ];
  function indexed(n) {
    if (!(n >= 0 && n < 256)) return null;
    if (n < 16) return BASE[n];
    if (n >= 232) return [0, 0, 0].map(() => 8 + (n - 232) * 10);
    return [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map(
      (step) => STEPS[step],
    );
  }

  /* ---------- styles ---------- */
  function fresh() {
    return { bold: false, dim: false, italic: false, under: false, strike: false, swap: false };
  }
  /* 38;5;n and 38;2;r;g;b, with colons too (then a colour space may stand before r). */
  function extended(codes) {
    const kind = codes.shift();
    if (kind === 5) return indexed(codes.shift());
    if (kind !== 2) return null;
    const rgb = codes.splice(0, 3);
    return rgb.length === 3 && rgb.every((part) => part >= 0 && part < 256) ? rgb : null;
  }
  const SWITCHES = {
    1: ['bold', true],
    2: ['dim', true],
    3: ['italic', true],
    4: ['under', true],
    7: ['swap', true],
    9: ['strike', true],
    21: ['under', true],
    23: ['italic', false],
    24: ['under', false],
    27: ['swap', false],
    29: ['strike', false],
  };
  function apply(pen, parameters) {
    const parts = parameters.split(';');
    while (parts.length) {
      const part = parts.shift();
      if (part.includes(':')) {
        const own = part.split(':').map(Number);
        const code = own.shift();
        if (own[0] === 2 && own.length > 4) own.splice(1, 1);
        if (code === 38 || code === 48) pen[code === 38 ? 'fore' : 'back'] = extended(own);
        else if (code === 4) pen.under = own[0] !== 0;
        continue;
      }
      const code = Number(part);
      const found = SWITCHES[code];
      if (code === 0) Object.assign(pen, fresh(), { fore: null, back: null, name: '' });
      else if (found) pen[found[0]] = found[1];
      else if (code === 22) pen.bold = pen.dim = false;
      else if (code === 38 || code === 48) {
        const rest = parts.map(Number);
        const colour = extended(rest);
        parts.splice(0, parts.length - rest.length);
        pen[code === 38 ? 'fore' : 'back'] = colour;
        if (code === 38) pen.name = '';
      } else if (code === 39) Object.assign(pen, { fore: null, name: '' });
      else if (code === 49) pen.back = null;
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
        const bright = code >= 90;
        const n = code - (bright ? 90 : 30);
        Object.assign(pen, { fore: BASE[n + (bright ? 8 : 0)], name: NAMES[n] });
      } else if (code >= 40 && code <= 47) pen.back = BASE[code - 40];
      else if (code >= 100 && code <= 107) pen.back = BASE[code - 92];
    }
  }
  /* What the pen draws now: classes for the console's own colours, else exact ones. */
  function drawn(pen, href) {
    const classes = [];
    let { fore, back, name } = pen;
    if (pen.swap) {
      [fore, back] = [back || GROUND, fore || [213, 219, 229]];
      name = '';
    }
    ['bold', 'italic', 'under', 'strike'].forEach((word) => {
      if (pen[word]) classes.push(`a-${word}`);
    });
    if (pen.dim && !fore && !back) classes.push('dim');
    if (name && !back) classes.push(name);
    const exact = fore && (!name || back) ? readable(fore, back || GROUND) : null;
    const color = exact || (back && !fore ? readable([213, 219, 229], back) : null);
    const style = { classes: classes.join(' '), color, ground: back, href };
    style.key = [style.classes, color, back, href].join('|');
    return style.key === '|||' ? PLAIN : style;
  }

  /* ---------- a line ---------- */
  /* A link goes to the web and nowhere else; any other is the text alone. */
  function target(parameters) {
    const uri = /^8;[^;]*;(.*)$/.exec(parameters);
    if (!uri) return null;
    try {
      const url = new URL(uri[1]);
      return ['http:', 'https:'].includes(url.protocol) ? url.href : '';
    } catch {
      return '';
    }
  }
  function cellsOf(text) {
    const cells = [];
    const pen = Object.assign(fresh(), { fore: null, back: null, name: '' });
    let at = 0;
    let style = PLAIN;
    let href = '';
    let last = 0;
    function put(part) {
      for (const char of part) {
        while (cells.length < at) cells.push({ char: ' ', style: PLAIN });
        cells[at] = { char, style };
        at += 1;
      }
    }
    function move(n, by) {
      if (by === 'K') {
        if (n === 0) cells.length = Math.min(cells.length, at);
        else cells.fill({ char: ' ', style: PLAIN }, 0, n === 1 ? at : cells.length);
      } else if (by === 'C') at = Math.min(at + (n || 1), 4096);
      else if (by === 'D') at = Math.max(0, at - (n || 1));
      else if (by === 'G') at = Math.min(Math.max(1, n) - 1, 4096);
    }
    for (const found of text.matchAll(PARTS)) {
      put(text.slice(last, found.index));
      last = found.index + found[0].length;
      if (found[2] === 'm' && !/[<=>?]/.test(found[1])) apply(pen, found[1]);
      else if (found[2]) move(Number.parseInt(found[1], 10) || 0, found[2]);
      else if (found[3] !== undefined) href = target(found[3]) ?? href;
      else if (found[0] === '\b') at = Math.max(0, at - 1);
      else continue;
      style = drawn(pen, href);
    }
    put(text.slice(last));
    return cells;
  }
  function node(style, text) {
    if (style === PLAIN) return document.createTextNode(text);
    const span = document.createElement(style.href ? 'a' : 'span');
    span.textContent = text;
    if (style.classes) span.className = style.classes;
    if (style.color) span.style.color = css(style.color);
    if (style.ground) span.style.backgroundColor = css(style.ground);
    if (style.href) {
      span.href = style.href;
      span.title = style.href;
      span.target = '_blank';
      span.rel = 'noopener noreferrer nofollow';
    }
    return span;
  }
  function paint(box, text) {
    if (!SPECIAL.test(text)) {
      box.append(text);
      return;
    }
    const cells = cellsOf(text);
    let from = 0;
    cells.forEach((cell, i) => {
      const next = cells[i + 1];
      if (next && next.style.key === cell.style.key) return;
      const run = cells.slice(from, i + 1);
      box.append(node(cell.style, run.map((one) => one.char).join('')));
      from = i + 1;
    });
  }

  /* ---------- what a line means ---------- */
  const RANK = /^\[?rank ?\d+\]?:? ?/i;
  const RAISED =
    /^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure|Group)(?::|$)/;
  /* `memory` is kept from line to line of one replica: what ends a traceback is its error. */
  function level(shown, memory) {
    const text = shown.replace(RANK, '');
    const begins = text.startsWith('Traceback (most recent call last)');
    const within = memory.traceback;
    memory.traceback = begins || (within && (text === '' || /^[\s|+]/.test(text)));
    if (begins || (within && !memory.traceback)) return ' er';
    if (RAISED.test(text) || /\b(ERROR|CRITICAL|FATAL)\b/.test(text)) return ' er';
    return /\bWARN(ING)?\b/.test(text) ? ' wn' : '';
  }

  A.terminal = { paint, level };
})();
