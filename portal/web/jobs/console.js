/* The console: the newest lines, growing. Text is only ever set as text, never as HTML. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const box = $('#console');
  if (!box) return;
  const KEEP = 2000;
  const MOST = 20000;
  const QUICK_MS = 1000;
  const SLOW_MS = 5000;
  const lines = $('#lines');
  const follow = $('#follow');
  const pod = $('#pod');
  const search = $('#console-search');
  const newer = $('#newer');
  const earlier = $('#earlier');
  let top = null;
  let keep = KEEP; /* the place before the first line that is shown */
  let offset = null;
  let ended = false;
  let timer = null;
  let running = false;
  let unseen = 0;
  let generation = 0;
  let hits = [];
  let at = -1;
  const ANSI = {
    30: 'dim',
    31: 'er',
    32: 'ok',
    33: 'wn',
    34: 'in',
    35: 'in',
    36: 'in',
    90: 'dim',
    91: 'er',
    92: 'ok',
    93: 'wn',
    94: 'in',
    95: 'in',
    96: 'in',
  };

  function following() {
    return follow.getAttribute('aria-pressed') === 'true';
  }
  function setFollow(on) {
    follow.setAttribute('aria-pressed', String(on));
    if (on) {
      unseen = 0;
      newer.hidden = true;
      keep = KEEP;
      trim();
      bottom();
    }
  }
  function bottom() {
    lines.scrollTop = lines.scrollHeight;
  }
  function atBottom() {
    return lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
  }

  /* ---------- reading ---------- */
  /* Until the first answer of a replica the place of its lines is a panel that waits. */
  const place = $('#console-panel');
  const panel = A.panel(place);
  let waiting = false;
  function wait(on) {
    waiting = on;
    lines.hidden = on;
    place.hidden = !on;
    if (on) panel.wait();
    else panel.done();
  }
  async function poll() {
    clearTimeout(timer);
    if (document.hidden) return;
    const mine = generation;
    if (offset === null && !waiting) wait(true);
    const query = new URLSearchParams();
    if (pod) query.set('pod', pod.value);
    if (offset !== null) query.set('after', offset);
    try {
      const answer = await A.live.get(`${box.dataset.lines}?${query}`);
      const news = await answer.json();
      if (mine !== generation) return;
      if (waiting) wait(false);
      take(news);
      if (news.more) poll();
      else again();
    } catch {
      if (mine !== generation) return;
      if (waiting)
        panel.fail(() => {
          panel.wait();
          poll();
        });
      timer = setTimeout(poll, SLOW_MS);
    }
  }
  function take(news) {
    if (news.restart) {
      lines.textContent = '';
      unseen = 0;
      keep = KEEP;
    }
    if (news.restart || top === null) setTop(news.begin);
    offset = news.offset;
    ended = news.ended;
    running = news.running;
    append(news.lines, news.first);
  }
  function again() {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(poll, running ? QUICK_MS : SLOW_MS);
  }
  function append(fresh, first) {
    let gap = $('.nothing', lines);
    if (fresh.length && gap) gap.remove();
    if (!fresh.length && !lines.childElementCount) {
      gap = document.createElement('div');
      gap.className = 'nothing dim';
      gap.textContent = box.dataset.empty;
      lines.append(gap);
    }
    if (!fresh.length) return;
    const stick = following();
    const part = document.createDocumentFragment();
    fresh.slice(-KEEP).forEach((line, i) => {
      part.append(draw(line, first + Math.max(0, fresh.length - KEEP) + i));
    });
    lines.append(part);
    trim();
    if (stick) bottom();
    else {
      unseen += fresh.length;
      newer.textContent = box.dataset.newLines.replace('%s', unseen);
      newer.hidden = false;
    }
    if (search.value) find(false);
  }
  /* While one follows, the oldest lines give way; what is being read never moves. */
  function trim() {
    const most = following() ? keep : MOST;
    let extra = lines.childElementCount - most;
    let row;
    const height = lines.scrollHeight;
    const at = lines.scrollTop;
    for (; extra > 0; extra -= 1) {
      row = lines.firstElementChild;
      if (top) {
        top.number += 1;
        top.offset += row.aoliBytes || 0;
      }
      row.remove();
    }
    if (!following() && lines.scrollHeight !== height)
      lines.scrollTop = at - (height - lines.scrollHeight);
    earlier.hidden = !top || !top.offset;
    const last = lines.lastElementChild;
    const count = lines.childElementCount;
    const all = last ? Number(last.dataset.n || 0) : 0;
    const words = count < all ? box.dataset.last : all === 1 ? box.dataset.one : box.dataset.all;
    $('[data-size]', box).textContent = all
      ? words.replace('%n', count.toLocaleString('en')).replace('%t', all.toLocaleString('en'))
      : '';
  }
  function setTop(place) {
    const parts = String(place).split(':').map(Number);
    top = { attempt: parts[0], number: parts[1], offset: parts[2] };
  }
  earlier.addEventListener('click', async () => {
    const query = new URLSearchParams({ before: [top.attempt, top.number, top.offset].join(':') });
    const mine = generation;
    if (pod) query.set('pod', pod.value);
    earlier.disabled = true;
    try {
      const answer = await A.live.get(`${box.dataset.lines}?${query}`);
      const old = await answer.json();
      if (mine === generation) prepend(old);
    } catch {
      A.toast('dng', box.dataset.earlierFailed); /* the button stays, to be pressed again */
    } finally {
      earlier.disabled = false;
    }
  });
  function prepend(old) {
    setTop(old.begin);
    if (old.lines.length) {
      setFollow(false);
      const height = lines.scrollHeight;
      const at = lines.scrollTop;
      lines.prepend(...old.lines.map((line, i) => draw(line, old.first + i)));
      keep = Math.max(keep, lines.childElementCount);
      /* the line that was first stays where it is */
      lines.scrollTop = at + lines.scrollHeight - height;
    }
    trim();
    if (old.lines.length && search.value) find(false);
  }
  function draw(line, number) {
    const row = document.createElement('div');
    const n = document.createElement('span');
    const t = document.createElement('span');
    const x = document.createElement('span');
    n.className = 'n';
    n.textContent = number;
    row.dataset.n = number;
    row.aoliBytes = line[2];
    t.className = 't no-m';
    t.textContent = line[0]
      ? new Date(line[0]).toLocaleTimeString('en-GB', { timeZone: A.zone })
      : '';
    t.title = line[0];
    x.className = `x${level(line[1])}`;
    paint(x, line[1]);
    row.append(n, t);
    if (pod) {
      /* whose line it is, where there are several */
      const p = document.createElement('span');
      p.className = 'p no-m';
      p.textContent = pod.selectedOptions[0].dataset.label;
      row.append(p);
    }
    row.append(x);
    return row;
  }
  function level(text) {
    if (/\b(ERROR|CRITICAL|FATAL)\b|^Traceback /.test(text)) return ' er';
    return /\bWARN(ING)?\b/.test(text) ? ' wn' : '';
  }
  function paint(target, text) {
    text = text.split('\r').pop(); /* a progress bar shows its last state */
    const parts = text.split(/\x1b\[([0-9;]*)m/);
    let cls = '';
    parts.forEach((part, i) => {
      if (i % 2) {
        const code = part.split(';').pop();
        cls = code === '' || code === '0' || code === '39' ? '' : ANSI[code] || cls;
        return;
      }
      part = part.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
      if (!part) return;
      if (!cls) {
        target.append(part);
        return;
      }
      const span = document.createElement('span');
      span.className = cls;
      span.textContent = part;
      target.append(span);
    });
  }

  /* ---------- search ---------- */
  function unmark() {
    lines.querySelectorAll('mark').forEach((mark) => {
      const parent = mark.parentNode;
      mark.replaceWith(mark.textContent);
      parent.normalize();
    });
    lines.querySelectorAll('.cur').forEach((row) => {
      row.classList.remove('cur');
    });
  }
  function find(jump) {
    unmark();
    hits = [];
    const wanted = search.value.toLowerCase();
    $('#hits').hidden = !wanted;
    if (!wanted) {
      at = -1;
      return;
    }
    lines.querySelectorAll('.x').forEach((cell) => {
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      const nodes = [];
      while (walker.nextNode()) nodes.push(walker.currentNode);
      nodes.forEach((node) => {
        markIn(node, wanted);
      });
    });
    if (jump || at >= hits.length) at = hits.length - 1;
    step(0, jump);
  }
  function markIn(node, wanted) {
    let i = node.nodeValue.toLowerCase().indexOf(wanted);
    while (i >= 0) {
      const hit = node.splitText(i);
      const rest = hit.splitText(wanted.length);
      const mark = document.createElement('mark');
      hit.replaceWith(mark);
      mark.textContent = hit.nodeValue;
      hits.push(mark);
      node = rest;
      i = node.nodeValue.toLowerCase().indexOf(wanted);
    }
  }
  function step(by, scroll) {
    lines.querySelectorAll('.cur').forEach((row) => {
      row.classList.remove('cur');
    });
    $('[data-hits]', box).textContent = hits.length
      ? box.dataset.found.replace('%i', at + 1 + by).replace('%n', hits.length)
      : box.dataset.none;
    if (!hits.length) return;
    at = (at + by + hits.length) % hits.length;
    $('[data-hits]', box).textContent = box.dataset.found
      .replace('%i', at + 1)
      .replace('%n', hits.length);
    hits[at].closest('div').classList.add('cur');
    if (scroll || by) {
      setFollow(false);
      hits[at].scrollIntoView({ block: 'center', inline: 'nearest' });
    }
  }
  search.addEventListener('input', () => {
    at = -1;
    find(true);
  });
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1, true);
    }
    if (event.key === 'Escape') {
      search.value = '';
      find(false);
    }
  });
  $('#hit-next').addEventListener('click', () => {
    step(1, true);
  });
  $('#hit-previous').addEventListener('click', () => {
    step(-1, true);
  });

  /* ---------- bar ---------- */
  follow.addEventListener('click', () => {
    setFollow(!following());
  });
  newer.addEventListener('click', () => {
    setFollow(true);
  });
  lines.addEventListener('scroll', () => {
    if (following() && !atBottom()) setFollow(false);
    else if (!following() && unseen && atBottom()) setFollow(true);
  });
  ['wheel', 'touchmove'].forEach((name) => {
    lines.addEventListener(
      name,
      () => {
        if (!atBottom()) setFollow(false);
      },
      { passive: true },
    );
  });
  $('#wrap').addEventListener('click', function () {
    const on = box.classList.toggle('wrap');
    this.setAttribute('aria-pressed', String(on));
    if (following()) bottom();
  });
  if (pod)
    pod.addEventListener('change', () => {
      generation += 1;
      waiting = false;
      offset = null;
      top = null;
      keep = KEEP;
      lines.textContent = '';
      unseen = 0;
      $('#download').href = `${$('#download').dataset.base}?pod=${encodeURIComponent(pod.value)}`;
      history.replaceState(null, '', `?pod=${encodeURIComponent(pod.value)}`);
      poll();
    });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'f' && A.keys && !event.ctrlKey && !event.metaKey && !A.typing(event.target))
      setFollow(!following());
  });
  A.live.on((ids) => {
    if (!ids || ids.includes(box.dataset.job)) {
      ended = false;
      poll();
    }
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) poll();
  });
  poll();
})();
