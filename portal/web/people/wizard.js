/* Wizards: one step at a time, each checked by the server, sent without losing what was typed.
   Without this script all steps stand below each other and the form is sent as it is. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const $all = A.$all;
  const form = $('form[data-wizard]');
  if (!form) return;
  const words = form.dataset;
  let step = 1;
  const last = $all('[data-step]', form).length;
  let dirty = false;
  let next = 0;
  const left = new Set();
  let checks = 0;
  let timer = 0;
  const previous = $('[data-previous]', form);
  const forward = $('[data-next]', form);
  const create = $('[data-create]', form);
  const rows = $('[data-rows]', form);

  /* ---------- steps ---------- */
  function show(n) {
    step = n;
    $all('[data-step]', form).forEach((part) => {
      part.hidden = Number(part.dataset.step) !== n;
    });
    $all('[data-step-mark]', form).forEach((mark) => {
      const at = Number(mark.dataset.stepMark);
      mark.classList.toggle('done', at < n);
      const go = $('.go', mark);
      if (at < n) {
        go.tabIndex = 0;
        go.setAttribute('role', 'button');
      } else {
        go.removeAttribute('tabindex');
        go.removeAttribute('role');
      }
      if (at === n) mark.setAttribute('aria-current', 'step');
      else mark.removeAttribute('aria-current');
    });
    $('[data-step-of]', form).textContent = words.of.replace('%n', n);
    previous.hidden = n === 1;
    forward.hidden = n === last;
    create.hidden = n !== last;
    if (n === last) preview();
    const whom = $('[data-whom]', form);
    if (whom && n === 2)
      whom.textContent = whom.dataset.form.replace(
        '%names',
        filled()
          .map((values) => values.username)
          .join(whom.dataset.and),
      );
    judge();
  }
  function part() {
    return $(`[data-step="${step}"]`, form);
  }
  function focusFirst() {
    const wrong = $('[aria-invalid=true]', part());
    const first = wrong || $('input:not([type=hidden]):not([disabled])', part()) || create;
    if (first) first.focus();
  }
  async function ask(url) {
    const answer = await A.ask(url, new FormData(form));
    const body = await answer.json();
    if (answer.ok || (answer.status === 422 && body.errors)) return body;
    throw new Error(body.detail || `HTTP ${answer.status}`);
  }
  async function advance() {
    const from = step;
    checks += 1; // an answer that is still on its way is of yesterday
    try {
      const body = await ask(`${words.check}?step=${from}`);
      if (step !== from) return;
      mark(body.errors, true);
      turnTo(wrongStep() || from + 1);
    } catch (error) {
      failed(error);
    }
  }
  function turnTo(n) {
    show(n);
    focusFirst();
  }
  function failed(error) {
    A.toast('dng', document.documentElement.dataset.failed || error.message, '');
  }
  previous.addEventListener('click', () => {
    turnTo(step - 1);
  });
  forward.addEventListener('click', advance);
  function back(event) {
    const mark = event.target.closest('.step.done');
    if (!mark || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    turnTo(Number(mark.dataset.stepMark));
  }
  $('[data-steps]', form).addEventListener('click', back);
  $('[data-steps]', form).addEventListener('keydown', back);
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.target.tagName !== 'INPUT') return;
    if (step < last) {
      event.preventDefault();
      advance();
    } else if (event.target.dataset.cell) {
      event.preventDefault();
      event.target.blur();
    }
  });
  form.addEventListener(
    'submit',
    async (event) => {
      event.preventDefault();
      if (create.getAttribute('aria-disabled') === 'true') {
        advanceTo(wrongStep());
        return;
      }
      if (create.getAttribute('aria-busy') === 'true') return;
      A.busy(create, true);
      try {
        const body = await ask(form.action);
        A.busy(create, false);
        if (body.location) {
          dirty = false;
          location.href = body.location;
          return;
        }
        mark(body.errors, true);
        advanceTo(wrongStep());
      } catch (error) {
        A.busy(create, false);
        failed(error);
      }
    },
    true,
  );
  function advanceTo(n) {
    if (n) turnTo(n);
    else judge();
  }

  /* ---------- errors, and what is missing ---------- */
  /* A field complains once it was left (``left``), all of them when one wants to go on. */
  function mark(errors, all) {
    $all('[data-field]', form).forEach((field) => {
      const input = $('input.inp', field);
      const note = field.matches('p') ? field : $('[id$=-note], [data-note]', field);
      const found = (all || !input || left.has(input)) && errors[field.dataset.field];
      if (input) {
        if (found) input.setAttribute('aria-invalid', 'true');
        else input.removeAttribute('aria-invalid');
      }
      if (!note || (!all && !input && !found)) return;
      note.hidden = !found;
      note.className = 'err';
      note.textContent = '';
      if (found) note.append($('[data-err-icon]', form).content.cloneNode(true), found.join(' '));
    });
    judge();
  }
  function wrongStep() {
    const wrong = $('[aria-invalid=true]:not([data-cell])', form) || $('.err:not([hidden])', form);
    return wrong ? Number(wrong.closest('[data-step]').dataset.step) : 0;
  }
  function check(later) {
    const mine = (checks += 1);
    const from = step;
    clearTimeout(timer);
    const look = async () => {
      try {
        const body = await ask(`${words.check}?step=${from === last ? 2 : from}`);
        if (mine !== checks || step !== from) return;
        mark(body.errors, from === last);
        cells();
      } catch {
        /* the next step asks again */
      }
    };
    timer = setTimeout(look, later ? 300 : 0);
  }
  function missing(root) {
    const names = {};
    const some = rows && people().length;
    $all('[aria-required=true]', root).forEach((input) => {
      const row = input.closest('[data-row]');
      const idle = row && some && !$all('input', row).some((one) => one.value);
      if (!idle && !input.value.trim())
        names[$('label', input.closest('.field')).firstChild.data] = true;
    });
    return Object.keys(names).join(words.comma);
  }
  function reason() {
    const open = missing($('[data-step="1"]', form));
    const wrong = $('[data-step="1"] .err:not([hidden])', form);
    if (open) return words.missing.replace('%fields', open);
    if (wrong) return wrong.textContent.trim();
    if (step > 1 && !$('[name=roles]:checked', form)) return words.noRole;
    const other = $('[data-step="2"] .err:not([hidden])', form);
    return step > 1 && other ? other.textContent.trim() : '';
  }
  function judge() {
    const why = reason();
    [forward, create].forEach((button) => {
      button.setAttribute('aria-disabled', String(!!why));
      button.title = why;
    });
    $('[data-why]', form).textContent = why;
  }

  /* ---------- rows of users ---------- */
  const most = Number(words.most || 0);
  function row(values) {
    const empties =
      values &&
      $all('[data-row]', rows).filter((one) => !$all('input', one).some((input) => input.value));
    let node = empties && empties[0];
    if (!node) {
      if ($all('[data-row]', rows).length >= most) return null;
      const html = $('[data-row-template]', form).innerHTML.replace(/NN/g, String(next++));
      const box = document.createElement('div');
      box.innerHTML = html;
      node = box.firstElementChild;
      rows.append(node);
    }
    Object.keys(values || {}).forEach((name) => {
      $(`[data-col=${name}]`, node).value = values[name];
    });
    count();
    return node;
  }
  function count() {
    const all = $all('[data-row]', rows);
    all.forEach((one, i) => {
      $('[data-number]', one).textContent = i + 1;
      $('[data-remove-row]', one).disabled = all.length === 1;
    });
    const said = $('[data-row-count]', form);
    const add = $('[data-add-row]', form);
    said.textContent = said.dataset.form.replace('%n', all.length);
    add.setAttribute('aria-disabled', String(all.length >= most));
  }
  function read(one) {
    const values = {};
    $all('[data-col]', one).forEach((input) => {
      values[input.dataset.col] = input.value;
    });
    return values;
  }
  function people() {
    return $all('[data-row]', rows).filter((one) =>
      $all('input', one).some((input) => input.value),
    );
  }
  function filled() {
    return people().map(read);
  }
  if (rows) {
    next = $all('[data-row]', rows).length;
    count();
    $('[data-paste-open]', form).hidden = false;
    form.addEventListener('click', (event) => {
      const add = event.target.closest('[data-add-row]');
      const gone = event.target.closest('[data-remove-row]');
      if (add) {
        event.preventDefault();
        const made = row();
        if (made) $('input', made).focus();
      }
      if (gone) {
        gone.closest('[data-row]').remove();
        count();
        judge();
      }
    });
    $('[data-paste]').addEventListener('click', () => {
      const text = $('[data-paste-text]');
      const names = ['username', 'nickname', 'password', 'email', 'phone'];
      text.value.split('\n').forEach((line) => {
        const parts = line.split(/[\t,;，；]/);
        const values = {};
        if (!line.trim()) return;
        names.forEach((name, i) => {
          values[name] = (parts[i] || '').trim();
        });
        row(values);
      });
      text.value = '';
      dirty = true;
      text.closest('dialog').close();
      $all('[data-row] input', rows).forEach((input) => {
        if (input.value) left.add(input);
      });
      check();
    });
  }

  /* ---------- roles, preview ---------- */
  function together() {
    const held = {};
    $all('[name=roles]:checked', form).forEach((box) => {
      box.dataset.permissions.split(' ').forEach((code) => {
        held[code] = true;
      });
    });
    $all('[data-permission]', form).forEach((tag) => {
      tag.classList.toggle('ok', !!held[tag.dataset.permission]);
    });
  }
  function preview() {
    const chosen = $('[data-chosen]', form);
    const table = $('[data-shown-rows]', form);
    const list = $('[data-shown]', form);
    $all('.chip', chosen).forEach((chip) => {
      chip.remove();
    });
    $all('[name=roles]:checked', form).forEach((box) => {
      const chip = $('[data-chip]', form).content.firstElementChild.cloneNode(true);
      $('[data-name]', chip).textContent = box.value;
      $('button', chip).addEventListener('click', () => {
        box.checked = false;
        changed();
        chip.remove();
      });
      chosen.append(chip);
    });
    if (list)
      $all('[data-show]', form).forEach((input) => {
        $(`[data-shown="${input.name}"]`, form).textContent = input.value;
      });
    if (!table) return;
    table.textContent = '';
    people().forEach((one) => {
      table.append(line(one));
    });
    cells();
  }
  function line(one) {
    const made = $('[data-shown-row]', form).content.firstElementChild.cloneNode(true);
    $all('[data-cell]', made).forEach((cell) => {
      const input = $(`[data-col=${cell.dataset.cell}]`, one);
      cell.value = input.value;
      cell.addEventListener('input', () => {
        input.value = cell.value;
      });
      cell.addEventListener('change', () => {
        check();
      });
      cell.source = input;
    });
    $('button', made).addEventListener('click', () => {
      one.remove();
      made.remove();
      count();
      dirty = true;
      if (people().length) cells();
      else turnTo(1);
      check();
    });
    return made;
  }
  /* What is wrong shows in the preview's own cells. */
  function cells() {
    const table = $('[data-shown-rows]', form);
    if (!table || step !== last) return;
    $all('[data-cell]', table).forEach((cell) => {
      if (cell.source.getAttribute('aria-invalid') === 'true')
        cell.setAttribute('aria-invalid', 'true');
      else cell.removeAttribute('aria-invalid');
    });
    const note = $('[data-shown-note]', form);
    const all = people().length;
    note.hidden = !reason();
    $('span', note).textContent = reason();
    $('.lbl', create).textContent =
      all === 1 ? words.createOne : words.createMany.replace('%n', all);
    $('[data-will]', form).textContent =
      all === 1 ? words.willOne : words.willMany.replace('%n', all);
  }

  function changed() {
    dirty = true;
    together();
    judge();
    cells();
  }
  form.addEventListener('input', (event) => {
    const wrong = event.target.getAttribute('aria-invalid') === 'true';
    const note = $('[data-step="2"] .err:not([hidden])', form);
    if (event.target.name === 'roles' && note) note.hidden = true;
    changed();
    if (wrong) check(true);
  });
  form.addEventListener('change', (event) => {
    if (step === 1 && event.target.matches('input.inp')) {
      left.add(event.target);
      check();
    }
  });
  form.addEventListener('aoli:restoring', (event) => {
    const there = {};
    if (rows)
      Object.keys(event.detail).forEach((name) => {
        const at = /^users\.(\d+)\./.exec(name);
        if (at) there[at[1]] = true;
      });
    if (!Object.keys(there).length) return;
    rows.textContent = '';
    Object.keys(there).forEach((number) => {
      next = Number(number);
      row();
    });
  });
  form.addEventListener('aoli:restored', () => {
    changed();
    show(1);
  });
  document.addEventListener('aoli:leaving', () => {
    dirty = false;
  }); /* it is kept */
  addEventListener('beforeunload', (event) => {
    if (dirty) event.preventDefault();
  });
  together();
  show(wrongStep() || 1);
})();
