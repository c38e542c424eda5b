/* A job's page: killing asks first; pausing and resuming show at once and can be undone. */
(function () {
  'use strict';
  var A = window.Aoli,
    head = document.getElementById('job-head'),
    words = head.dataset;
  var resumeLater = false;

  document.addEventListener(
    'submit',
    function (event) {
      var button = event.submitter;
      if (!button || !button.dataset.confirm || button.dataset.sure) return;
      event.preventDefault();
      var form = event.target.cloneNode(true),
        dialog = A.openDialog(button.dataset.confirm);
      dialog.returnValue = '';
      dialog.onclose = function () {
        /* the form on the page may have been swapped meanwhile */
        if (dialog.returnValue !== 'kill') return;
        form.hidden = true;
        document.body.append(form);
        form.submit();
      };
      dialog.querySelector('[data-close-dialog].btn').focus();
    },
    true,
  );

  /* Optimistic: the state shows at once; whatever the server says replaces it. */
  document.addEventListener('htmx:beforeRequest', function (event) {
    if (!event.detail.elt.matches('.one-act')) return;
    var action = event.detail.elt.elements.namedItem('action').value,
      word = A.$('.st', head);
    if (word && words[action + 'Word']) word.lastChild.textContent = words[action + 'Word'];
    A.$all('.one-act button').forEach(function (button) {
      button.disabled = true;
    });
    A.$all('[data-fragment]').forEach(function (node) {
      node.aoliLast = null;
    });
  });
  document.addEventListener('htmx:afterRequest', function (event) {
    if (event.detail.elt.matches('.one-act')) A.live.changed(null);
  });
  function post(action) {
    var data = new FormData();
    data.set('csrf_token', A.csrf());
    data.set('action', action);
    data.set('ids', words.job);
    A.ask(words.act, data)
      .then(function (answer) {
        return answer.json();
      })
      .then(function (body) {
        (body.toasts || [{ kind: 'dng', title: body.detail }]).forEach(function (t) {
          A.toast(t.kind, t.title, t.text);
        });
      })
      .catch(function () {
        A.toast('dng', words.away, '');
      })
      .finally(function () {
        A.live.changed(null);
      });
  }
  /* A job that is pausing cannot go on before it has paused: then it is resumed. */
  A.undo = function (what) {
    if (what.action === 'pause') {
      post('pause');
      return;
    }
    resumeLater = true;
    A.toast('info', words.later, '');
    goOn();
    A.live.changed(null);
  };
  function goOn() {
    if (!resumeLater || !A.$('.one-act [data-key=resume]', head)) return;
    resumeLater = false;
    post('resume');
  }
  document.addEventListener('aoli:swapped', goOn);

  document.addEventListener('keydown', function (event) {
    if (
      !A.keys ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      A.typing(event.target) ||
      document.querySelector('dialog[open]')
    )
      return;
    if (event.key !== 'p') return;
    var button = document.querySelector(
      '.acts [data-key=pause]:not([disabled]), .acts [data-key=resume]:not([disabled])',
    );
    if (button) button.click();
  });
})();
