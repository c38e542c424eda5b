/* Forms with data-kept keep what is typed, in this tab: a session that ends in between, a reload
   or a way back loses nothing. Passwords are never kept, and who opens a form anew gets it as the
   server says it. Scripts that make rows or chips hear aoli:restoring (with the values) before
   the fields are filled, and aoli:restored after. */
(() => {
  'use strict';
  const A = window.Aoli;
  let kept = [];
  const NEVER = ['csrf_token', 'next'];
  const way = (performance.getEntriesByType('navigation')[0] || {}).type;
  const back =
    way === 'reload' || way === 'back_forward' || /(^|; )returned=1/.test(document.cookie);

  function key(form) {
    return `aoli-kept:${document.body.dataset.me}:${form.dataset.kept}`;
  }
  function typed(form) {
    const secret = A.$all('[type=password], [autocomplete$=password]', form).map(
      (field) => field.name,
    );
    const found = [];
    new FormData(form).forEach((value, name) => {
      if (typeof value === 'string' && !NEVER.concat(secret).includes(name))
        found.push([name, value]);
    });
    return JSON.stringify(found);
  }
  function keep(form) {
    const now = typed(form);
    if (now === form.aoliGiven) {
      forget(form);
      return;
    }
    try {
      sessionStorage.setItem(key(form), now);
    } catch {
      /* no storage: nothing is kept then */
    }
  }
  function found(form) {
    try {
      return JSON.parse(sessionStorage.getItem(key(form)) || 'null');
    } catch {
      return null;
    }
  }
  function forget(form) {
    try {
      sessionStorage.removeItem(key(form));
    } catch {
      /* there was none */
    }
  }
  function restore(form, pairs) {
    const values = {};
    pairs.forEach((pair) => {
      (values[pair[0]] = values[pair[0]] || []).push(pair[1]);
    });
    form.dispatchEvent(new CustomEvent('aoli:restoring', { bubbles: true, detail: values }));
    A.$all('input, select, textarea', form).forEach((field) => {
      const mine = values[field.name] || [];
      if (/^(hidden|password|file)$/.test(field.type) || field.disabled) return;
      if (/^(checkbox|radio)$/.test(field.type)) field.checked = mine.includes(field.value);
      else if (mine.length) field.value = mine.shift();
    });
    if (form.closest('details')) form.closest('details').open = true;
    form.dispatchEvent(new CustomEvent('aoli:restored', { bubbles: true }));
  }
  function begin(form) {
    const answered = A.$(
      '[aria-invalid=true], [role=alert]:not([hidden])',
      form,
    ); /* it has what was typed */
    form.aoliGiven = answered ? '' : typed(form);
    kept.push(form);
    if (!back) forget(form);
    const pairs = !answered && found(form);
    if (pairs) restore(form, pairs);
  }
  function end(form) {
    kept = kept.filter((other) => other !== form);
    forget(form);
  }
  function keepAll() {
    kept.forEach(keep);
  }
  addEventListener('pagehide', keepAll);
  document.addEventListener('aoli:leaving', () => {
    document.cookie = 'returned=1;path=/;max-age=600;samesite=lax';
    keepAll();
  });
  A.kept = { begin, end };
  /* after the scripts of the page, which listen */
  document.addEventListener('DOMContentLoaded', () => {
    A.$all('form[data-kept]').forEach(begin);
    if (document.body.dataset.me)
      document.cookie = 'returned=;path=/;max-age=0'; /* signed in again */
  });
})();
