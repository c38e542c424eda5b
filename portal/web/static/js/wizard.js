/* Wizards: one step at a time, each checked by the server, sent without losing what was typed.
   Without this script all steps stand below each other and the form is sent as it is. */
(function () {
  'use strict';
  var A = window.Aoli, $ = A.$, $all = A.$all;
  var form = $('form[data-wizard]');
  if (!form) return;
  var words = form.dataset, step = 1, last = $all('[data-step]', form).length, dirty = false, next = 0;
  var previous = $('[data-previous]', form), forward = $('[data-next]', form), create = $('[data-create]', form);

  /* ---------- steps ---------- */
  function show(n) {
    step = n;
    $all('[data-step]', form).forEach(function (part) { part.hidden = Number(part.dataset.step) !== n; });
    $all('[data-step-mark]', form).forEach(function (mark) {
      var at = Number(mark.dataset.stepMark);
      mark.classList.toggle('done', at < n);
      var go = $('.go', mark);
      if (at < n) { go.tabIndex = 0; go.setAttribute('role', 'button'); } else { go.removeAttribute('tabindex'); go.removeAttribute('role'); }
      if (at === n) mark.setAttribute('aria-current', 'step'); else mark.removeAttribute('aria-current');
    });
    $('[data-step-of]', form).textContent = words.of.replace('%n', n);
    previous.hidden = n === 1;
    forward.hidden = n === last;
    create.hidden = n !== last;
    if (n === last) preview();
    var whom = $('[data-whom]', form);
    if (whom && n === 2) whom.textContent = whom.dataset.form.replace('%names', filled().map(function (values) { return values.username; }).join(whom.dataset.and));
  }
  function focusFirst() {
    var part = $('[data-step="' + step + '"]', form), wrong = $('[aria-invalid=true]', part);
    var first = wrong || $('input:not([type=hidden]):not([disabled])', part) || create;
    if (first) first.focus();
  }
  function ask(url, accept) {
    return fetch(url, { method: 'POST', body: new FormData(form), headers: { 'Accept': 'application/json', 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function (answer) {
        return answer.json().then(function (body) {
          if (answer.ok) return body;
          if (answer.status === 422 && body.errors) { mark(body.errors); return null; }
          throw new Error(body.detail || 'HTTP ' + answer.status);
        });
      });
  }
  function advance() {
    forward.disabled = true;
    ask(words.check + '?step=' + step).then(function (body) {
      forward.disabled = false;
      if (body) { mark({}); show(step + 1); focusFirst(); }
    }).catch(failed);
  }
  function failed(error) { forward.disabled = false; A.toast('dng', document.documentElement.dataset.failed || error.message, ''); }
  previous.addEventListener('click', function () { show(step - 1); focusFirst(); });
  forward.addEventListener('click', advance);
  function back(event) {
    var mark = event.target.closest('.step.done');
    if (!mark || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault(); show(Number(mark.dataset.stepMark)); focusFirst();
  }
  $('[data-steps]', form).addEventListener('click', back);
  $('[data-steps]', form).addEventListener('keydown', back);
  form.addEventListener('keydown', function (event) {
    if (event.key === 'Enter' && event.target.tagName === 'INPUT' && step < last) { event.preventDefault(); advance(); }
  });
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    create.disabled = true;
    ask(form.action).then(function (body) {
      create.disabled = false;
      create.removeAttribute('aria-busy');
      if (body) { dirty = false; location.href = body.location; }
    }).catch(function (error) { create.disabled = false; failed(error); });
  }, true);

  /* ---------- errors ---------- */
  function mark(errors) {
    var first = 0;
    $all('[data-field]', form).forEach(function (field) {
      var found = errors[field.dataset.field], input = $('input.inp', field), note = field.matches('p') ? field : $('[id$=-note], [data-note]', field);
      if (input) { if (found) input.setAttribute('aria-invalid', 'true'); else input.removeAttribute('aria-invalid'); }
      if (!note) return;
      note.hidden = !found;
      note.className = 'err';
      note.textContent = found ? found.join(' ') : '';
      if (found && !first) { var part = field.closest('[data-step]'); first = part ? Number(part.dataset.step) : 0; }
    });
    if (first) { show(first); focusFirst(); }
  }

  /* ---------- rows of users ---------- */
  var rows = $('[data-rows]', form), most = Number(words.most || 0);
  function row(values) {
    var empties = values && $all('[data-row]', rows).filter(function (one) { return !$all('input', one).some(function (input) { return input.value; }); });
    var node = empties && empties[0];
    if (!node) {
      if ($all('[data-row]', rows).length >= most) return null;
      var html = $('[data-row-template]', form).innerHTML.replace(/NN/g, String(next++)), box = document.createElement('div');
      box.innerHTML = html;
      node = box.firstElementChild;
      rows.append(node);
    }
    Object.keys(values || {}).forEach(function (name) { $('[data-col=' + name + ']', node).value = values[name]; });
    count();
    return node;
  }
  function count() {
    var all = $all('[data-row]', rows);
    all.forEach(function (one, i) { $('[data-number]', one).textContent = i + 1; $('[data-remove-row]', one).disabled = all.length === 1; });
    var said = $('[data-row-count]', form), add = $('[data-add-row]', form);
    said.textContent = said.dataset.form.replace('%n', all.length);
    add.setAttribute('aria-disabled', String(all.length >= most));
  }
  function read(one) {
    var values = {};
    $all('[data-col]', one).forEach(function (input) { values[input.dataset.col] = input.value; });
    return values;
  }
  function filled() {
    return $all('[data-row]', rows).map(read).filter(function (values) { return Object.keys(values).some(function (name) { return values[name]; }); });
  }
  if (rows) {
    next = $all('[data-row]', rows).length;
    count();
    $('[data-paste-open]', form).hidden = false;
    form.addEventListener('click', function (event) {
      var add = event.target.closest('[data-add-row]'), gone = event.target.closest('[data-remove-row]');
      if (add) { event.preventDefault(); var made = row(); if (made) $('input', made).focus(); }
      if (gone) { gone.closest('[data-row]').remove(); count(); }
    });
    $('[data-paste]').addEventListener('click', function () {
      var text = $('[data-paste-text]'), names = ['username', 'nickname', 'password', 'email', 'phone'];
      text.value.split('\n').forEach(function (line) {
        var parts = line.split(/[\t,;，；]/), values = {};
        if (!line.trim()) return;
        names.forEach(function (name, i) { values[name] = (parts[i] || '').trim(); });
        row(values);
      });
      text.value = ''; dirty = true;
      text.closest('dialog').close();
    });
  }

  /* ---------- roles, preview ---------- */
  function together() {
    var held = {};
    $all('[name=roles]:checked', form).forEach(function (box) { box.dataset.permissions.split(' ').forEach(function (code) { held[code] = true; }); });
    $all('[data-permission]', form).forEach(function (tag) { tag.classList.toggle('ok', !!held[tag.dataset.permission]); });
  }
  function cell(line, text, cls) {
    var td = document.createElement('td');
    td.textContent = text || '—'; td.className = cls || '';
    line.append(td);
  }
  function preview() {
    var chosen = $('[data-chosen]', form), table = $('[data-shown-rows]', form), list = $('[data-shown]', form);
    $all('.chip', chosen).forEach(function (chip) { chip.remove(); });
    $all('[name=roles]:checked', form).forEach(function (box) {
      var chip = document.createElement('span');
      chip.className = 'chip'; chip.textContent = box.value; chosen.append(chip);
    });
    if (list) {
      list.textContent = '';
      $all('[data-show]', form).forEach(function (input) {
        var dt = document.createElement('dt'), dd = document.createElement('dd');
        dt.textContent = input.dataset.show; dd.textContent = input.value; list.append(dt, dd);
      });
    }
    if (!table) return;
    var all = filled();
    table.textContent = '';
    all.forEach(function (values) {
      var line = document.createElement('tr');
      cell(line, values.username, 'mono m'); cell(line, values.nickname); cell(line, '••••••••'); cell(line, values.email, 'sec'); cell(line, values.phone, 'sec');
      table.append(line);
    });
    $('.lbl', create).textContent = all.length === 1 ? words.createOne : words.createMany.replace('%n', all.length);
  }

  form.addEventListener('input', function () { dirty = true; together(); });
  addEventListener('beforeunload', function (event) { if (dirty) event.preventDefault(); });
  together();
  var wrong = $('[aria-invalid=true]', form) || $('.err:not([hidden])', form);
  show(wrong ? Number(wrong.closest('[data-step]').dataset.step) : 1);
})();
