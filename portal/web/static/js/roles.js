/* The editor of a role: what is included in what, how many of the seven, what is not saved yet.
   Without this script the boxes are plain boxes and the server says the same. */
(function () {
  'use strict';
  var $all = window.Aoli.$all,
    form = window.Aoli.$('form[data-role-form]');
  if (!form) return;
  var whole = form.querySelector('[value=manage_all_jobs]'),
    part = form.querySelector('[value=view_all_jobs]');
  var boxes = $all('[name=permissions]', form),
    count = form.querySelector('[data-role-count]');
  var fields = $all('input.inp', form),
    unsaved = form.querySelector('[data-unsaved]');
  var alone = part.checked && !whole.checked; /* as it was chosen for itself */

  function include() {
    var note = part.closest('label').querySelector('[data-included]');
    if (whole.checked) part.checked = true;
    part.setAttribute('aria-disabled', String(whole.checked));
    note.hidden = !whole.checked;
  }
  function show() {
    var held = $all('[data-platform] [name=permissions]', form).filter(function (box) {
        return box.checked;
      }).length,
      changed = 0;
    count.textContent = count.dataset.form.replace('%n', held);
    boxes.forEach(function (box) {
      var mark = box.closest('label').querySelector('[data-mark]'),
        before = box.dataset.before === 'true';
      var included = box === part && whole.checked;
      mark.textContent =
        included || box.checked === before ? '' : mark.dataset[box.checked ? 'added' : 'removed'];
      if (!included && box.checked !== before) changed += 1;
    });
    fields.forEach(function (field) {
      if (field.value !== field.defaultValue) changed += 1;
    });
    unsaved.hidden = !changed;
    unsaved.textContent =
      changed === 1 ? unsaved.dataset.one : unsaved.dataset.many.replace('%n', changed);
  }
  part.addEventListener('click', function (event) {
    if (whole.checked) event.preventDefault();
  });
  form.addEventListener('change', function (event) {
    if (event.target === part) alone = part.checked;
    if (event.target === whole && !whole.checked) part.checked = alone;
    include();
    show();
  });
  form.addEventListener('input', show);
  form.addEventListener('aoli:restored', function () {
    alone = part.checked && !whole.checked;
    include();
    show();
  });
  include();
  boxes.forEach(function (box) {
    box.dataset.before = box.checked;
  });
  show();
})();
