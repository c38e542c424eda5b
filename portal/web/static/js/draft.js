/* A form with data-draft keeps what is typed, in this tab, until it was sent: through errors,
   reloads, and a session that ends in between. Sent by fetch, so that nothing can be lost. */
(function () {
  'use strict';
  var A = window.Aoli, form = A.$('form[data-draft]');
  if (!form) return;
  var key = 'aoli-' + form.dataset.draft;
  function fields() { return A.$all('textarea, input:not([type=hidden]):not([type=password])', form); }
  function keep() {
    var typed = {};
    fields().forEach(function (field) { typed[field.name] = field.value; });
    try { sessionStorage.setItem(key, JSON.stringify(typed)); } catch (e) { /* no draft then */ }
  }
  function restore() {
    var typed = null;
    try { typed = JSON.parse(sessionStorage.getItem(key) || 'null'); } catch (e) { /* not ours */ }
    if (typed) fields().forEach(function (field) { if (typeof typed[field.name] === 'string') field.value = typed[field.name]; });
  }
  form.addEventListener('input', keep);
  document.addEventListener('aoli:leaving', keep);
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    var button = event.submitter;
    if (button && button.getAttribute('aria-busy') === 'true') return;
    keep();
    if (button) A.busy(button, true);
    fetch(form.action, { method: 'POST', body: new FormData(form), headers: { 'HX-Request': 'true' }, credentials: 'same-origin', redirect: 'manual' })
      .then(function (answer) {
        if (answer.status === 401 || answer.status === 400) { A.signedOut(); return null; }
        if (answer.type === 'opaqueredirect') { sessionStorage.removeItem(key); location.assign(form.dataset.done); return null; }
        return answer.text().then(function (html) { again(html, answer.status); });
      })
      .catch(function () { A.toast('dng', form.dataset.away, ''); })
      .finally(function () { if (button) A.busy(button, false); });
  });
  /* The page with its errors: their texts are taken over, what was typed stays. */
  function again(html) {
    var page = new DOMParser().parseFromString(html, 'text/html');
    A.$all('[data-field]', form).forEach(function (box) {
      var other = A.$('[data-field="' + box.dataset.field + '"]', page), note = A.$('[id$="-note"]', box), told = other && A.$('[id$="-note"]', other);
      if (!note || !told) return;
      note.replaceWith(told);
      var input = A.$('input, textarea', box), wrong = told.classList.contains('err');
      if (wrong) input.setAttribute('aria-invalid', 'true'); else input.removeAttribute('aria-invalid');
    });
    var first = A.$('[aria-invalid]', form);
    if (first) first.focus(); else A.toast('dng', form.dataset.away, '');
  }
  restore();
})();
