/* A job's page: killing asks first; pausing and resuming show at once and can be undone. */
(() => {
  'use strict';
  const A = window.Aoli;
  const head = document.getElementById('job-head');
  const words = head.dataset;
  let resumeLater = false;

  document.addEventListener(
    'submit',
    (event) => {
      const button = event.submitter;
      if (!button || !button.dataset.confirm || button.dataset.sure) return;
      event.preventDefault();
      const form = event.target.cloneNode(true);
      const dialog = A.openDialog(button.dataset.confirm);
      dialog.returnValue = '';
      dialog.onclose = () => {
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

  /* Forms marked data-stay are sent from here, and the page stays. */
  document.addEventListener(
    'submit',
    (event) => {
      const form = event.target;
      if (event.defaultPrevented || !form.matches('[data-stay]')) return;
      event.preventDefault();
      const data = new FormData(form); /* before its button is disabled */
      if (form.matches('.one-act')) expect(data.get('action'));
      send(form.getAttribute('action'), data, A.undo);
    },
    true,
  );
  /* Optimistic: the state shows at once; whatever the server says replaces it. */
  function expect(action) {
    const word = A.$('.st', head);
    if (word && words[`${action}Word`]) word.lastChild.textContent = words[`${action}Word`];
    A.$all('.one-act button').forEach((button) => {
      button.disabled = true;
    });
    A.$all('[data-fragment]').forEach((node) => {
      node.aoliLast = null;
    });
  }
  function post(action) {
    const data = new FormData();
    data.set('csrf_token', A.csrf());
    data.set('action', action);
    data.set('ids', words.job);
    send(words.act, data);
  }
  /* A priority is answered with one message, an act with several. */
  async function send(where, data, undo) {
    try {
      const answer = await A.ask(where, data);
      const body = await answer.json();
      if (answer.ok) A.toasts(body.toasts || [{ kind: 'ok', ...body }], undo);
      else A.toast('dng', body.detail);
    } catch {
      A.toast('dng', words.away, '');
    } finally {
      A.live.changed(null);
    }
  }
  /* A job that is pausing cannot go on before it has paused: then it is resumed. */
  A.undo = (what) => {
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

  document.addEventListener('keydown', (event) => {
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
    const button = document.querySelector(
      '.acts [data-key=pause]:not([disabled]), .acts [data-key=resume]:not([disabled])',
    );
    if (button) button.click();
  });
})();
