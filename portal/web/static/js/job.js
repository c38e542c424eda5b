/* A job's page: killing asks first. Everything else is htmx. */
(function () {
  'use strict';
  var A = window.Aoli;
  document.addEventListener('submit', function (event) {
    var button = event.submitter;
    if (!button || !button.dataset.confirm || button.dataset.sure) return;
    event.preventDefault();
    var form = event.target.cloneNode(true), dialog = A.openDialog(button.dataset.confirm);
    dialog.returnValue = '';
    dialog.onclose = function () { /* the form on the page may have been swapped meanwhile */
      if (dialog.returnValue !== 'kill') return;
      form.hidden = true;
      document.body.append(form);
      form.submit();
    };
    dialog.querySelector('[data-close-dialog].btn').focus();
  }, true);
  document.addEventListener('htmx:afterRequest', function (event) {
    if (event.detail.elt.matches('.one-act, form') && event.detail.successful) A.live.changed(null);
  });
  document.addEventListener('keydown', function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || A.typing(event.target) || document.querySelector('dialog[open]')) return;
    if (event.key !== 'p') return;
    var button = document.querySelector('.acts [data-key=pause], .acts [data-key=resume]');
    if (button) button.click();
  });
})();
