/* The editor of a role: what is included in what, how many of the seven, what is not saved yet.
   Without this script the boxes are plain boxes and the server says the same. */
(() => {
  'use strict';
  const $all = window.Aoli.$all;
  const form = window.Aoli.$('form[data-role-form]');
  if (!form) return;
  const whole = form.querySelector('[value=manage_all_jobs]');
  const part = form.querySelector('[value=view_all_jobs]');
  const boxes = $all('[name=permissions]', form);
  const count = form.querySelector('[data-role-count]');
  const fields = $all('input.inp', form);
  const unsaved = form.querySelector('[data-unsaved]');
  let alone = part.checked && !whole.checked; /* as it was chosen for itself */

  function include() {
    const note = part.closest('label').querySelector('[data-included]');
    if (whole.checked) part.checked = true;
    part.setAttribute('aria-disabled', String(whole.checked));
    note.hidden = !whole.checked;
  }
  function show() {
    const held = $all('[data-platform] [name=permissions]', form).filter(
      (box) => box.checked,
    ).length;
    let changed = 0;
    count.textContent = count.dataset.form.replace('%n', held);
    boxes.forEach((box) => {
      const mark = box.closest('label').querySelector('[data-mark]');
      const before = box.dataset.before === 'true';
      const included = box === part && whole.checked;
      mark.textContent =
        included || box.checked === before ? '' : mark.dataset[box.checked ? 'added' : 'removed'];
      if (!included && box.checked !== before) changed += 1;
    });
    fields.forEach((field) => {
      if (field.value !== field.defaultValue) changed += 1;
    });
    unsaved.hidden = !changed;
    unsaved.textContent =
      changed === 1 ? unsaved.dataset.one : unsaved.dataset.many.replace('%n', changed);
  }
  part.addEventListener('click', (event) => {
    if (whole.checked) event.preventDefault();
  });
  form.addEventListener('change', (event) => {
    if (event.target === part) alone = part.checked;
    if (event.target === whole && !whole.checked) part.checked = alone;
    include();
    show();
  });
  form.addEventListener('input', show);
  form.addEventListener('aoli:restored', () => {
    alone = part.checked && !whole.checked;
    include();
    show();
  });
  include();
  boxes.forEach((box) => {
    box.dataset.before = box.checked;
  });
  show();
})();
