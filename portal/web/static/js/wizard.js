/* Wizards: one step at a time, each checked by the server, sent without losing what was typed.
   Without this script all steps stand below each other and the form is sent as it is. */
(function () {
  'use strict';
  var A = window.Aoli,
    $ = A.$,
    $all = A.$all;
  var form = $('form[data-wizard]');
  if (!form) return;
  var words = form.dataset,
    step = 1,
    last = $all('[data-step]', form).length,
    dirty = false,
    next = 0;
  var left = new Set(),
    checks = 0,
    timer = 0;
  var previous = $('[data-previous]', form),
    forward = $('[data-next]', form),
    create = $('[data-create]', form);

  /* ---------- steps ---------- */
  function show(n) {
    step = n;
    $all('[data-step]', form).forEach(function (part) {
      part.hidden = Number(part.dataset.step) !== n;
    });
    $all('[data-step-mark]', form).forEach(function (mark) {
      var at = Number(mark.dataset.stepMark);
      mark.classList.toggle('done', at < n);
      var go = $('.go', mark);
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
    var whom = $('[data-whom]', form);
    if (whom && n === 2)
      whom.textContent = whom.dataset.form.replace(
        '%names',
        filled()
          .map(function (values) {
            return values.username;
          })
          .join(whom.dataset.and),
      );
    judge();
  }
  function part() {
    return $('[data-step="' + step + '"]', form);
  }
  function focusFirst() {
    var wrong = $('[aria-invalid=true]', part());
    var first = wrong || $('input:not([type=hidden]):not([disabled])', part()) || create;
    if (first) first.focus();
  }
  function ask(url) {
    return A.ask(url, new FormData(form)).then(function (answer) {
      return answer.json().then(function (body) {
        if (answer.ok || (answer.status === 422 && body.errors)) return body;
        throw new Error(body.detail || 'HTTP ' + answer.status);
      });
    });
  }
  function advance() {
    var from = step;
    checks += 1; // an answer that is still on its way is of yesterday
    ask(words.check + '?step=' + from)
      .then(function (body) {
        if (step !== from) return;
        mark(body.errors, true);
        if (wrongStep()) turnTo(wrongStep());
        else {
          show(from + 1);
          focusFirst();
        }
      })
      .catch(failed);
  }
  function turnTo(n) {
    show(n);
    focusFirst();
  }
  function failed(error) {
    A.toast('dng', document.documentElement.dataset.failed || error.message, '');
  }
  previous.addEventListener('click', function () {
    turnTo(step - 1);
  });
  forward.addEventListener('click', advance);
  function back(event) {
    var mark = event.target.closest('.step.done');
    if (!mark || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    turnTo(Number(mark.dataset.stepMark));
  }
  $('[data-steps]', form).addEventListener('click', back);
  $('[data-steps]', form).addEventListener('keydown', back);
  form.addEventListener('keydown', function (event) {
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
    function (event) {
      event.preventDefault();
      if (create.getAttribute('aria-disabled') === 'true') {
        advanceTo(wrongStep());
        return;
      }
      if (create.getAttribute('aria-busy') === 'true') return;
      A.busy(create, true);
      ask(form.action)
        .then(function (body) {
          A.busy(create, false);
          if (body.location) {
            dirty = false;
            location.href = body.location;
            return;
          }
          mark(body.errors, true);
          advanceTo(wrongStep());
        })
        .catch(function (error) {
          A.busy(create, false);
          failed(error);
        });
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
    $all('[data-field]', form).forEach(function (field) {
      var input = $('input.inp', field),
        note = field.matches('p') ? field : $('[id$=-note], [data-note]', field);
      var found = (all || !input || left.has(input)) && errors[field.dataset.field];
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
    var wrong = $('[aria-invalid=true]:not([data-cell])', form) || $('.err:not([hidden])', form);
    return wrong ? Number(wrong.closest('[data-step]').dataset.step) : 0;
  }
  function check(later) {
    var mine = (checks += 1),
      from = step;
    clearTimeout(timer);
    timer = setTimeout(
      function () {
        ask(words.check + '?step=' + (from === last ? 2 : from))
          .then(function (body) {
            if (mine === checks && step === from) {
              mark(body.errors, from === last);
              cells();
            }
          })
          .catch(function () {
            /* the next step asks again */
          });
      },
      later ? 300 : 0,
    );
  }
  function missing(root) {
    var names = {},
      some = rows && people().length;
    $all('[aria-required=true]', root).forEach(function (input) {
      var row = input.closest('[data-row]');
      var idle =
        row &&
        some &&
        !$all('input', row).some(function (one) {
          return one.value;
        });
      if (!idle && !input.value.trim())
        names[$('label', input.closest('.field')).firstChild.data] = true;
    });
    return Object.keys(names).join(words.comma);
  }
  function reason() {
    var open = missing($('[data-step="1"]', form)),
      wrong = $('[data-step="1"] .err:not([hidden])', form);
    if (open) return words.missing.replace('%fields', open);
    if (wrong) return wrong.textContent.trim();
    if (step > 1 && !$('[name=roles]:checked', form)) return words.noRole;
    var other = $('[data-step="2"] .err:not([hidden])', form);
    return step > 1 && other ? other.textContent.trim() : '';
  }
  function judge() {
    var why = reason();
    [forward, create].forEach(function (button) {
      button.setAttribute('aria-disabled', String(!!why));
      button.title = why;
    });
    $('[data-why]', form).textContent = why;
  }

  /* ---------- rows of users ---------- */
  var rows = $('[data-rows]', form),
    most = Number(words.most || 0);
  function row(values) {
    var empties =
      values &&
      $all('[data-row]', rows).filter(function (one) {
        return !$all('input', one).some(function (input) {
          return input.value;
        });
      });
    var node = empties && empties[0];
    if (!node) {
      if ($all('[data-row]', rows).length >= most) return null;
      var html = $('[data-row-template]', form).innerHTML.replace(/NN/g, String(next++)),
        box = document.createElement('div');
      box.innerHTML = html;
      node = box.firstElementChild;
      rows.append(node);
    }
    Object.keys(values || {}).forEach(function (name) {
      $('[data-col=' + name + ']', node).value = values[name];
    });
    count();
    return node;
  }
  function count() {
    var all = $all('[data-row]', rows);
    all.forEach(function (one, i) {
      $('[data-number]', one).textContent = i + 1;
      $('[data-remove-row]', one).disabled = all.length === 1;
    });
    var said = $('[data-row-count]', form),
      add = $('[data-add-row]', form);
    said.textContent = said.dataset.form.replace('%n', all.length);
    add.setAttribute('aria-disabled', String(all.length >= most));
  }
  function read(one) {
    var values = {};
    $all('[data-col]', one).forEach(function (input) {
      values[input.dataset.col] = input.value;
    });
    return values;
  }
  function people() {
    return $all('[data-row]', rows).filter(function (one) {
      return $all('input', one).some(function (input) {
        return input.value;
      });
    });
  }
  function filled() {
    return people().map(read);
  }
  if (rows) {
    next = $all('[data-row]', rows).length;
    count();
    $('[data-paste-open]', form).hidden = false;
    form.addEventListener('click', function (event) {
      var add = event.target.closest('[data-add-row]'),
        gone = event.target.closest('[data-remove-row]');
      if (add) {
        event.preventDefault();
        var made = row();
        if (made) $('input', made).focus();
      }
      if (gone) {
        gone.closest('[data-row]').remove();
        count();
        judge();
      }
    });
    $('[data-paste]').addEventListener('click', function () {
      var text = $('[data-paste-text]'),
        names = ['username', 'nickname', 'password', 'email', 'phone'];
      text.value.split('\n').forEach(function (line) {
        var parts = line.split(/[\t,;，；]/),
          values = {};
        if (!line.trim()) return;
        names.forEach(function (name, i) {
          values[name] = (parts[i] || '').trim();
        });
        row(values);
      });
      text.value = '';
      dirty = true;
      text.closest('dialog').close();
      $all('[data-row] input', rows).forEach(function (input) {
        if (input.value) left.add(input);
      });
      check();
    });
  }

  /* ---------- roles, preview ---------- */
  function together() {
    var held = {};
    $all('[name=roles]:checked', form).forEach(function (box) {
      box.dataset.permissions.split(' ').forEach(function (code) {
        held[code] = true;
      });
    });
    $all('[data-permission]', form).forEach(function (tag) {
      tag.classList.toggle('ok', !!held[tag.dataset.permission]);
    });
  }
  function preview() {
    var chosen = $('[data-chosen]', form),
      table = $('[data-shown-rows]', form),
      list = $('[data-shown]', form);
    $all('.chip', chosen).forEach(function (chip) {
      chip.remove();
    });
    $all('[name=roles]:checked', form).forEach(function (box) {
      var chip = $('[data-chip]', form).content.firstElementChild.cloneNode(true);
      $('[data-name]', chip).textContent = box.value;
      $('button', chip).addEventListener('click', function () {
        box.checked = false;
        changed();
        chip.remove();
      });
      chosen.append(chip);
    });
    if (list)
      $all('[data-show]', form).forEach(function (input) {
        $('[data-shown="' + input.name + '"]', form).textContent = input.value;
      });
    if (!table) return;
    table.textContent = '';
    people().forEach(function (one) {
      table.append(line(one));
    });
    cells();
  }
  function line(one) {
    var made = $('[data-shown-row]', form).content.firstElementChild.cloneNode(true);
    $all('[data-cell]', made).forEach(function (cell) {
      var input = $('[data-col=' + cell.dataset.cell + ']', one);
      cell.value = input.value;
      cell.addEventListener('input', function () {
        input.value = cell.value;
      });
      cell.addEventListener('change', function () {
        check();
      });
      cell.source = input;
    });
    $('button', made).addEventListener('click', function () {
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
    var table = $('[data-shown-rows]', form);
    if (!table || step !== last) return;
    $all('[data-cell]', table).forEach(function (cell) {
      if (cell.source.getAttribute('aria-invalid') === 'true')
        cell.setAttribute('aria-invalid', 'true');
      else cell.removeAttribute('aria-invalid');
    });
    var note = $('[data-shown-note]', form),
      all = people().length;
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
  form.addEventListener('input', function (event) {
    var wrong = event.target.getAttribute('aria-invalid') === 'true',
      note = $('[data-step="2"] .err:not([hidden])', form);
    if (event.target.name === 'roles' && note) note.hidden = true;
    changed();
    if (wrong) check(true);
  });
  form.addEventListener('change', function (event) {
    if (step === 1 && event.target.matches('input.inp')) {
      left.add(event.target);
      check();
    }
  });
  form.addEventListener('aoli:restoring', function (event) {
    var there = {};
    if (rows)
      Object.keys(event.detail).forEach(function (name) {
        var at = /^users\.(\d+)\./.exec(name);
        if (at) there[at[1]] = true;
      });
    if (!Object.keys(there).length) return;
    rows.textContent = '';
    Object.keys(there).forEach(function (number) {
      next = Number(number);
      row();
    });
  });
  form.addEventListener('aoli:restored', function () {
    changed();
    show(1);
  });
  document.addEventListener('aoli:leaving', function () {
    dirty = false;
  }); /* it is kept */
  addEventListener('beforeunload', function (event) {
    if (dirty) event.preventDefault();
  });
  together();
  show(wrongStep() || 1);
})();
