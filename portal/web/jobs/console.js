/* The console: the newest lines, growing; any other part of the output on request. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const box = $('#console');
  if (!box) return;
  const QUICK_MS = 1000;
  const SLOW_MS = 5000;
  const newer = $('#newer');
  const earlier = $('#earlier');
  const later = $('#later');
  const follow = $('#follow');
  let offset = null;
  let ended = false;
  let timer = null;
  let running = false;
  let unseen = 0;
  let generation = 0;
  let detached = false; /* there are later lines than those that are shown */

  const shown = A.consoleLines(box, (count) => {
    unseen += count;
    newer.textContent = box.dataset.newLines.replace('%s', unseen);
    newer.hidden = false;
  });
  const search = A.consoleSearch(box, shown, query, reach);

  function query() {
    const wish = new URLSearchParams();
    const pod = $('#pod', box);
    const attempt = $('#attempt', box);
    if (pod) wish.set('pod', pod.value);
    if (attempt && attempt.value !== attempt.dataset.newest) wish.set('attempt', attempt.value);
    return wish;
  }
  function setFollow(on) {
    follow.setAttribute('aria-pressed', String(on));
    if (!on) return;
    unseen = 0;
    newer.hidden = true;
    if (detached) {
      restart();
      return;
    }
    shown.forget();
    shown.trimTop();
    shown.toBottom();
    bars();
  }
  function bars() {
    earlier.hidden = shown.begins() || offset === null || !shown.lines.childElementCount;
    later.hidden = !detached;
    shown.size(detached);
  }

  /* ---------- reading ---------- */
  /* Until the first answer of a replica the place of its lines is a panel that waits. */
  const place = $('#console-panel');
  const panel = A.panel(place);
  let waiting = false;
  function wait(on) {
    waiting = on;
    shown.lines.hidden = on;
    place.hidden = !on;
    if (on) panel.wait();
    else panel.done();
  }
  async function read(more) {
    const wish = query();
    Object.entries(more).forEach(([name, value]) => wish.set(name, value));
    const answer = await A.live.get(`${box.dataset.lines}?${wish}`);
    return answer.json();
  }
  async function poll() {
    clearTimeout(timer);
    if (document.hidden || detached) return;
    const mine = generation;
    if (offset === null && !waiting) wait(true);
    try {
      const news = await read(offset === null ? {} : { after: offset });
      if (mine !== generation || detached) return;
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
    if (news.restart || offset === null) {
      shown.clear();
      unseen = 0;
    }
    offset = news.offset;
    ended = news.ended;
    running = news.running;
    search.grown(shown.append(news));
    bars();
    choices(news);
  }
  function again() {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(poll, running ? QUICK_MS : SLOW_MS);
  }
  function restart() {
    generation += 1;
    clearTimeout(timer);
    waiting = false;
    detached = false;
    offset = null;
    unseen = 0;
    newer.hidden = true;
    poll();
  }

  /* ---------- other parts ---------- */
  async function part(button, more, use) {
    const mine = generation;
    button.disabled = true;
    try {
      const answer = await read(more);
      if (mine === generation) use(answer);
    } catch {
      A.toast('dng', box.dataset.earlierFailed); /* the button stays, to be pressed again */
    } finally {
      button.disabled = false;
    }
  }
  earlier.addEventListener('click', () => {
    part(earlier, { before: shown.above() }, (old) => {
      setFollow(false);
      if (shown.prepend(old)) detached = true;
      search.mark([...shown.lines.children].slice(0, old.lines.length));
      bars();
    });
  });
  later.addEventListener('click', () => {
    part(later, { after: shown.below() }, (news) => {
      detached = news.more;
      const unread = unseen;
      const rows = shown.append(news);
      offset = news.offset;
      unseen = unread;
      newer.hidden = true;
      search.mark(rows);
      ended = news.ended;
      running = news.running;
      bars();
      if (!detached) again();
    });
  });
  /* Show the lines around a place; the rows before are gone, what follows is read on request. */
  async function go(at) {
    const mine = (generation += 1);
    clearTimeout(timer);
    const found = await read({ at });
    if (mine !== generation) return null;
    if (found.unknown) {
      A.toast('dng', found.unknown === 'line' ? box.dataset.noLine : box.dataset.noPlace);
      again();
      return null;
    }
    if (waiting) wait(false);
    detached = found.more;
    offset = found.offset;
    follow.setAttribute('aria-pressed', 'false');
    newer.hidden = true;
    shown.clear();
    const rows = shown.append(found);
    unseen = 0;
    newer.hidden = true;
    search.mark(rows);
    bars();
    if (!detached) poll();
    return rows[Math.min(found.target, rows.length - 1)] || null;
  }
  async function reach(hit, show) {
    let row = shown.find(hit[0], hit[1]);
    if (row) setFollow(false);
    else {
      try {
        await go(`hit:${hit[0]}:${hit[1]}`);
      } catch {
        A.toast('dng', box.dataset.earlierFailed);
        return;
      }
      row = shown.find(hit[0], hit[1]);
    }
    show(row);
  }
  async function goTo(at) {
    $('#go', box).open = false;
    try {
      search.show(await go(at));
      shown.lines.focus({ preventScroll: true });
    } catch {
      A.toast('dng', box.dataset.earlierFailed);
      restart();
    }
  }
  $('#go-first', box).addEventListener('click', () => {
    goTo('first');
  });
  $('#go-last', box).addEventListener('click', () => {
    $('#go', box).open = false;
    setFollow(true);
  });
  $('#go-form', box).addEventListener('submit', (event) => {
    event.preventDefault();
    const at = $('#go-at', box).value.trim();
    if (at) goTo(at);
  });

  /* ---------- bar ---------- */
  follow.addEventListener('click', () => {
    setFollow(!shown.following());
  });
  newer.addEventListener('click', () => {
    setFollow(true);
  });
  shown.lines.addEventListener('scroll', () => {
    if (shown.following() && !shown.atBottom()) setFollow(false);
    else if (!shown.following() && unseen && !detached && shown.atBottom()) setFollow(true);
  });
  ['wheel', 'touchmove'].forEach((name) => {
    shown.lines.addEventListener(
      name,
      () => {
        if (!shown.atBottom()) setFollow(false);
      },
      { passive: true },
    );
  });
  $('#wrap').addEventListener('click', function () {
    const on = box.classList.toggle('wrap');
    this.setAttribute('aria-pressed', String(on));
    if (shown.following()) shown.toBottom();
  });

  /* ---------- choices ---------- */
  function links() {
    const wish = query();
    history.replaceState(null, '', String(wish) ? `?${wish}` : location.pathname);
    box.querySelectorAll('[data-download]').forEach((link) => {
      const own = query();
      if (link.dataset.download) own.set('plain', '1');
      link.href = `${box.dataset.log}?${own}`;
    });
  }
  /* The job has started anew, or its replicas have come: what one chooses from is another. */
  let fetching = false;
  async function choices(news) {
    const picks = $('#picks', box);
    const known = [picks.dataset.attempt, picks.dataset.of].join();
    if (fetching || known === [news.attempt, news.of].join()) return;
    fetching = true;
    try {
      const answer = await A.live.get(`${box.dataset.picks}?${query()}`);
      const single = !$('#pod', box);
      picks.outerHTML = await answer.text();
      links();
      if (single && $('#pod', box)) restart(); /* now the lines say whose they are */
    } catch {
      /* the old ones stay; the next lines ask again */
    } finally {
      fetching = false;
    }
  }
  box.addEventListener('change', (event) => {
    if (!event.target.closest('#picks')) return;
    if (event.target.id === 'attempt') $('#pod', box)?.remove();
    links();
    follow.setAttribute('aria-pressed', 'true');
    shown.clear();
    restart();
    search.again();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'f' && A.keys && !event.ctrlKey && !event.metaKey && !A.typing(event.target))
      setFollow(!shown.following());
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
