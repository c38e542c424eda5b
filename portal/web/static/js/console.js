/* The console: the newest lines, growing. Text is only ever set as text, never as HTML. */
(function () {
  'use strict';
  var A = window.Aoli,
    $ = A.$,
    box = $('#console');
  if (!box) return;
  var KEEP = 2000,
    MOST = 20000,
    QUICK_MS = 1000,
    SLOW_MS = 5000;
  var lines = $('#lines'),
    follow = $('#follow'),
    pod = $('#pod'),
    search = $('#console-search'),
    newer = $('#newer'),
    earlier = $('#earlier');
  var top = null,
    keep = KEEP; /* the place before the first line that is shown */
  var offset = null,
    ended = false,
    timer = null,
    running = false,
    unseen = 0,
    generation = 0,
    hits = [],
    at = -1;
  var ANSI = {
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
  var place = $('#console-panel'),
    panel = A.panel(place),
    waiting = false;
  function wait(on) {
    waiting = on;
    lines.hidden = on;
    place.hidden = !on;
    if (on) panel.wait();
    else panel.done();
  }
  function poll() {
    clearTimeout(timer);
    if (document.hidden) return;
    var mine = generation;
    if (offset === null && !waiting) wait(true);
    var query = new URLSearchParams();
    if (pod) query.set('pod', pod.value);
    if (offset !== null) query.set('after', offset);
    A.live
      .get(box.dataset.lines + '?' + query)
      .then(function (answer) {
        return answer.json();
      })
      .then(function (news) {
        if (mine !== generation) return;
        if (waiting) wait(false);
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
        if (news.more) {
          poll();
          return;
        }
        again();
      })
      .catch(function () {
        if (mine !== generation) return;
        if (waiting)
          panel.fail(function () {
            panel.wait();
            poll();
          });
        timer = setTimeout(poll, SLOW_MS);
      });
  }
  function again() {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(poll, running ? QUICK_MS : SLOW_MS);
  }
  function append(fresh, first) {
    var gap = $('.nothing', lines);
    if (fresh.length && gap) gap.remove();
    if (!fresh.length && !lines.childElementCount) {
      gap = document.createElement('div');
      gap.className = 'nothing dim';
      gap.textContent = box.dataset.empty;
      lines.append(gap);
    }
    if (!fresh.length) return;
    var stick = following(),
      part = document.createDocumentFragment();
    fresh.slice(-KEEP).forEach(function (line, i) {
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
    var most = following() ? keep : MOST,
      extra = lines.childElementCount - most,
      row,
      height = lines.scrollHeight,
      at = lines.scrollTop;
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
    var last = lines.lastElementChild,
      count = lines.childElementCount,
      all = last ? Number(last.dataset.n || 0) : 0;
    var words = count < all ? box.dataset.last : all === 1 ? box.dataset.one : box.dataset.all;
    $('[data-size]', box).textContent = all
      ? words.replace('%n', count.toLocaleString('en')).replace('%t', all.toLocaleString('en'))
      : '';
  }
  function setTop(place) {
    var parts = String(place).split(':').map(Number);
    top = { attempt: parts[0], number: parts[1], offset: parts[2] };
  }
  earlier.addEventListener('click', function () {
    var query = new URLSearchParams({ before: [top.attempt, top.number, top.offset].join(':') }),
      mine = generation;
    if (pod) query.set('pod', pod.value);
    earlier.disabled = true;
    A.live
      .get(box.dataset.lines + '?' + query)
      .then(function (answer) {
        return answer.json();
      })
      .then(function (old) {
        if (mine !== generation || !old.lines.length) {
          if (mine === generation) {
            setTop(old.begin);
            trim();
          }
          return;
        }
        setFollow(false);
        var height = lines.scrollHeight,
          at = lines.scrollTop,
          part = document.createDocumentFragment();
        old.lines.forEach(function (line, i) {
          part.append(draw(line, old.first + i));
        });
        lines.prepend(part);
        setTop(old.begin);
        keep = Math.max(keep, lines.childElementCount);
        lines.scrollTop =
          at + lines.scrollHeight - height; /* the line that was first stays where it is */
        trim();
        if (search.value) find(false);
      })
      .catch(function () {
        A.toast('dng', box.dataset.earlierFailed);
      }) /* the button stays, to be pressed again */
      .finally(function () {
        earlier.disabled = false;
      });
  });
  function draw(line, number) {
    var row = document.createElement('div'),
      n = document.createElement('span'),
      t = document.createElement('span'),
      x = document.createElement('span');
    n.className = 'n';
    n.textContent = number;
    row.dataset.n = number;
    row.aoliBytes = line[2];
    t.className = 't no-m';
    t.textContent = line[0]
      ? new Date(line[0]).toLocaleTimeString('en-GB', { timeZone: A.zone })
      : '';
    t.title = line[0];
    x.className = 'x' + level(line[1]);
    paint(x, line[1]);
    row.append(n, t);
    if (pod) {
      /* whose line it is, where there are several */
      var p = document.createElement('span');
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
    var parts = text.split(/\x1b\[([0-9;]*)m/),
      cls = '';
    parts.forEach(function (part, i) {
      if (i % 2) {
        var code = part.split(';').pop();
        cls = code === '' || code === '0' || code === '39' ? '' : ANSI[code] || cls;
        return;
      }
      part = part.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
      if (!part) return;
      if (!cls) {
        target.append(part);
        return;
      }
      var span = document.createElement('span');
      span.className = cls;
      span.textContent = part;
      target.append(span);
    });
  }

  /* ---------- search ---------- */
  function unmark() {
    lines.querySelectorAll('mark').forEach(function (mark) {
      var parent = mark.parentNode;
      mark.replaceWith(mark.textContent);
      parent.normalize();
    });
    lines.querySelectorAll('.cur').forEach(function (row) {
      row.classList.remove('cur');
    });
  }
  function find(jump) {
    unmark();
    hits = [];
    var wanted = search.value.toLowerCase();
    $('#hits').hidden = !wanted;
    if (!wanted) {
      at = -1;
      return;
    }
    lines.querySelectorAll('.x').forEach(function (cell) {
      var walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT),
        nodes = [];
      while (walker.nextNode()) nodes.push(walker.currentNode);
      nodes.forEach(function (node) {
        markIn(node, wanted);
      });
    });
    if (jump || at >= hits.length) at = hits.length - 1;
    step(0, jump);
  }
  function markIn(node, wanted) {
    var i = node.nodeValue.toLowerCase().indexOf(wanted);
    while (i >= 0) {
      var hit = node.splitText(i),
        rest = hit.splitText(wanted.length),
        mark = document.createElement('mark');
      hit.replaceWith(mark);
      mark.textContent = hit.nodeValue;
      hits.push(mark);
      node = rest;
      i = node.nodeValue.toLowerCase().indexOf(wanted);
    }
  }
  function step(by, scroll) {
    lines.querySelectorAll('.cur').forEach(function (row) {
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
  search.addEventListener('input', function () {
    at = -1;
    find(true);
  });
  search.addEventListener('keydown', function (event) {
    if (event.key === 'Enter') {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1, true);
    }
    if (event.key === 'Escape') {
      search.value = '';
      find(false);
    }
  });
  $('#hit-next').addEventListener('click', function () {
    step(1, true);
  });
  $('#hit-previous').addEventListener('click', function () {
    step(-1, true);
  });

  /* ---------- bar ---------- */
  follow.addEventListener('click', function () {
    setFollow(!following());
  });
  newer.addEventListener('click', function () {
    setFollow(true);
  });
  lines.addEventListener('scroll', function () {
    if (following() && !atBottom()) setFollow(false);
    else if (!following() && unseen && atBottom()) setFollow(true);
  });
  ['wheel', 'touchmove'].forEach(function (name) {
    lines.addEventListener(
      name,
      function () {
        if (!atBottom()) setFollow(false);
      },
      { passive: true },
    );
  });
  $('#wrap').addEventListener('click', function () {
    var on = box.classList.toggle('wrap');
    this.setAttribute('aria-pressed', String(on));
    if (following()) bottom();
  });
  if (pod)
    pod.addEventListener('change', function () {
      generation += 1;
      waiting = false;
      offset = null;
      top = null;
      keep = KEEP;
      lines.textContent = '';
      unseen = 0;
      $('#download').href = $('#download').dataset.base + '?pod=' + encodeURIComponent(pod.value);
      history.replaceState(null, '', '?pod=' + encodeURIComponent(pod.value));
      poll();
    });
  document.addEventListener('keydown', function (event) {
    if (event.key === 'f' && A.keys && !event.ctrlKey && !event.metaKey && !A.typing(event.target))
      setFollow(!following());
  });
  A.live.on(function (ids) {
    if (!ids || ids.indexOf(box.dataset.job) >= 0) {
      ended = false;
      poll();
    }
  });
  document.addEventListener('visibilitychange', function () {
    if (!document.hidden) poll();
  });
  poll();
})();
