/* News from the server: one stream per page, polling when there is none.

   Parts of a page subscribe with Aoli.live.on(function (ids) {...}); `ids` is a list of job
   ids that changed, or null for "anything may have changed". They fetch with Aoli.live.get,
   which counts what fails. An element with data-fragment is fetched anew by itself and swapped
   only when its HTML differs and nothing in it is being read or edited. */
(function () {
  'use strict';
  var A = window.Aoli;
  var POLL_MS = 5000,
    SAFETY_MS = 30000,
    GATHER_MS = 250,
    AGAIN_MS = 2000,
    RETRY_S = 20,
    PATIENCE = 3;
  var listeners = [],
    pending = new Set(),
    everything = false,
    gathering = null;
  var source = null,
    streaming = false,
    failed = 0,
    next = null,
    dueAt = 0,
    missedAt = 0;
  var address = document.body.dataset.stream;

  function tell() {
    gathering = null;
    var ids = everything ? null : Array.from(pending);
    pending.clear();
    everything = false;
    listeners.forEach(function (listener) {
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
    var paused = failed >= PATIENCE,
      state = paused ? 'paused' : streaming ? 'live' : 'polling';
    var left = Math.max(1, Math.ceil((dueAt - Date.now()) / 1000));
    A.$all('[data-live-badge]').forEach(function (node) {
      var text = node.dataset[state].replace('%s', left);
      var word = A.$('[data-word]', node);
      if (word.textContent !== text) word.textContent = text;
      node.dataset.state = state;
    });
    age();
  }
  var heardAt = Date.now(); /* when the page was last known to show what is */
  function age() {
    A.$all('[data-age]').forEach(function (node) {
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
  setInterval(function () {
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
  function get(where) {
    return A.ask(where).then(
      function (answer) {
        if (answer.status < 500) worked();
        else missed();
        if (!answer.ok) throw new Error('HTTP ' + answer.status);
        heard();
        return answer;
      },
      function (error) {
        if (!document.hidden && !leaving) missed();
        throw error;
      },
    );
  }
  var leaving = false;

  /* ---------- the stream, and what stands in for it ---------- */
  function open() {
    if (!address || source || document.hidden || leaving) return;
    source = new EventSource(address);
    source.addEventListener('open', function () {
      streaming = true;
      failed = 0;
      clearTimeout(next);
      badge();
    });
    source.addEventListener('hello', function () {
      changed(null);
    }); /* what was missed meanwhile */
    source.addEventListener('job', function (event) {
      heard();
      changed(JSON.parse(event.data).id);
    });
    source.addEventListener('nodes', function () {
      heard();
      changed(null);
    });
    source.addEventListener('bye', function () {
      close();
      again(500 + Math.random() * 1000);
    }); /* it begins anew */
    source.addEventListener('error', function () {
      /* refused, or the server is away */
      var refused = source && source.readyState === EventSource.CLOSED && !streaming;
      close();
      if (refused) {
        refusedAt = Date.now();
        changed(null);
        badge();
        schedule();
      } else missed();
    });
  }
  var refusedAt = 0;
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

  document.addEventListener('visibilitychange', function () {
    if (document.hidden) stop();
    else {
      changed(null);
      open();
      schedule();
    }
  });
  setInterval(function () {
    if (!document.hidden && streaming) changed(null);
  }, SAFETY_MS);
  document.addEventListener('aoli:refresh', function () {
    changed(null);
    refusedAt = 0;
    open();
  });
  addEventListener('online', function () {
    refusedAt = 0;
    look();
  });
  addEventListener('pagehide', function () {
    leaving = true;
    stop();
  });
  addEventListener('pageshow', function () {
    leaving = false;
    if (address) open();
  });

  /* ---------- fragments ---------- */
  function refresh(node) {
    if (node.dataset.loading) {
      node.dataset.again = '1';
      return;
    }
    node.dataset.loading = '1';
    var from = node.dataset.fragment;
    get(from)
      .then(function (answer) {
        return answer.text();
      })
      .then(function (html) {
        if (node.dataset.fragment === from) swap(node, html);
      }) /* else another is wanted meanwhile */
      .catch(function () {
        /* the next round tries again */
      })
      .finally(function () {
        delete node.dataset.loading;
        if (node.dataset.again) {
          delete node.dataset.again;
          refresh(node);
        }
      });
  }
  /* What is marked stays marked, and what is pressed stays below the pointer: the news waits. */
  function busy(node) {
    if (A.pressed()) return true;
    var selection = getSelection();
    return (
      selection &&
      !selection.isCollapsed &&
      selection.rangeCount > 0 &&
      selection.getRangeAt(0).intersectsNode(node)
    );
  }
  var held = false;
  function hold() {
    held = true;
  }
  function free() {
    var selection = getSelection();
    if (held && (!selection || selection.isCollapsed)) {
      held = false;
      changed(null);
    }
  }
  document.addEventListener('selectionchange', free);
  document.addEventListener('aoli:released', free);
  function swap(node, html) {
    if (node.aoliLast === html) return;
    var active = document.activeElement,
      inside = active && node.contains(active);
    if (inside && A.typing(active)) return; /* an open edit is never pulled away */
    if (node.querySelector('dialog[open], details.drop[open]')) return;
    if (node.querySelector('.htmx-request')) return; /* its answer would find nobody: see below */
    if (busy(node)) {
      hold();
      return;
    }
    var key = inside ? active.dataset.key || active.id : '';
    var scrolled = A.$all('.tblw, pre', node).map(function (box) {
      return [box.scrollLeft, box.scrollTop];
    });
    node.aoliLast = html;
    node.innerHTML = html;
    A.$all('.tblw, pre', node).forEach(function (box, i) {
      if (scrolled[i]) {
        box.scrollLeft = scrolled[i][0];
        box.scrollTop = scrolled[i][1];
      }
    });
    if (window.htmx) htmx.process(node);
    if (key) {
      var back =
        node.querySelector('[data-key="' + CSS.escape(key) + '"]') || document.getElementById(key);
      if (back) back.focus();
    }
    badge();
    node.dispatchEvent(new CustomEvent('aoli:swapped', { bubbles: true }));
  }
  document.addEventListener('htmx:afterRequest', function (event) {
    if (event.target.closest && event.target.closest('[data-fragment]')) changed(null);
  });
  listeners.push(function (ids) {
    A.$all('[data-fragment]').forEach(function (node) {
      var only = node.dataset.job;
      if (!ids || !only || ids.indexOf(only) >= 0) refresh(node);
    });
  });

  A.live = {
    on: function (listener) {
      listeners.push(listener);
    },
    changed: changed,
    refresh: refresh,
    swap: swap,
    get: get,
    busy: busy,
    hold: hold,
  };
  age();
  if (address) open();
})();
