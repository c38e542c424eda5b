/* News from the server: one stream per page, polling when there is none.

   Parts of a page subscribe with Aoli.live.on(function (ids) {...}); `ids` is a list of job
   ids that changed, or null for "anything may have changed". An element with data-fragment
   is fetched anew by itself and swapped only when its HTML differs. */
(function () {
  'use strict';
  var A = window.Aoli;
  var POLL_MS = 5000, SAFETY_MS = 30000, GATHER_MS = 250;
  var listeners = [], pending = new Set(), everything = false, gathering = null;
  var source = null, poll = null, retry = null, failures = 0;
  var address = document.body.dataset.stream;

  function tell() {
    gathering = null;
    var ids = everything ? null : Array.from(pending);
    pending.clear(); everything = false;
    listeners.forEach(function (listener) { listener(ids); });
  }
  function changed(id) {
    if (id) pending.add(id); else everything = true;
    if (!gathering) gathering = setTimeout(tell, GATHER_MS);
  }
  function badge(state) {
    A.$all('[data-live-badge]').forEach(function (node) {
      if (node.dataset.state === state) return;
      node.dataset.state = state;
      node.textContent = node.dataset[state];
    });
  }

  function open() {
    if (!address || source || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener('open', function () {
      failures = 0; clearInterval(poll); poll = null; badge('live');
    });
    source.addEventListener('hello', function () { changed(null); }); /* what was missed meanwhile */
    source.addEventListener('job', function (event) { changed(JSON.parse(event.data).id); });
    source.addEventListener('nodes', function () { changed(null); });
    source.addEventListener('bye', function () { close(); again(1000); }); /* the server restarts */
    source.addEventListener('error', function () {
      failures += 1;
      if (source && source.readyState === EventSource.CLOSED) { close(); again(20000); } /* refused: full or signed out */
      startPolling();
    });
  }
  function close() { if (source) { source.close(); source = null; } }
  function again(ms) { clearTimeout(retry); retry = setTimeout(open, ms); }
  function startPolling() {
    badge(failures > 3 ? 'paused' : 'polling');
    if (!poll) poll = setInterval(function () { if (!document.hidden) changed(null); }, POLL_MS);
  }

  document.addEventListener('visibilitychange', function () {
    if (document.hidden) { close(); clearInterval(poll); poll = null; } else { changed(null); open(); }
  });
  setInterval(function () { if (!document.hidden && source) changed(null); }, SAFETY_MS);
  document.addEventListener('aoli:refresh', function () { changed(null); });
  addEventListener('pagehide', close);

  /* ---------- fragments ---------- */
  function refresh(node) {
    if (node.dataset.loading) { node.dataset.again = '1'; return; }
    node.dataset.loading = '1';
    fetch(node.dataset.fragment, { headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function (answer) {
        if (answer.status === 401) { location.reload(); throw new Error('signed out'); }
        if (!answer.ok) throw new Error('HTTP ' + answer.status);
        return answer.text();
      })
      .then(function (html) { node.aoliFailed = 0; if (source) badge('live'); swap(node, html); })
      .catch(function () { /* the next round tries again; what is shown may be old meanwhile */
        node.aoliFailed = (node.aoliFailed || 0) + 1;
        if (node.aoliFailed > 2) badge('paused');
      })
      .finally(function () {
        delete node.dataset.loading;
        if (node.dataset.again) { delete node.dataset.again; refresh(node); }
      });
  }
  function swap(node, html) {
    if (node.aoliLast === html) return;
    var active = document.activeElement, inside = active && node.contains(active);
    if (inside && A.typing(active)) return; /* an open edit is never pulled away */
    if (node.querySelector('dialog[open], details.drop[open]')) return;
    var key = inside ? active.dataset.key || active.id : '';
    node.aoliLast = html;
    node.innerHTML = html;
    if (window.htmx) htmx.process(node);
    if (key) {
      var back = node.querySelector('[data-key="' + CSS.escape(key) + '"]') || document.getElementById(key);
      if (back) back.focus();
    }
    node.dispatchEvent(new CustomEvent('aoli:swapped', { bubbles: true }));
  }
  listeners.push(function (ids) {
    A.$all('[data-fragment]').forEach(function (node) {
      var only = node.dataset.job;
      if (!ids || !only || ids.indexOf(only) >= 0) refresh(node);
    });
  });

  A.live = { on: function (listener) { listeners.push(listener); }, changed: changed, refresh: refresh };
  if (address) open();
})();
