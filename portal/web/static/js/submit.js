/* The submit form: controls that depend on each other, errors at their fields, a draft that
   survives reloads (never secrets), sending without losing what was typed. */
(function () {
  'use strict';
  var A = window.Aoli,
    $ = A.$,
    $all = A.$all;
  var form = $('#job-form');
  if (!form) return;
  var words = form.dataset,
    touched = {},
    sent = false;
  /* A new job has one draft for all tabs; one that began as a copy or from a template has its
     own, for as long as the tab is open. */
  var fresh = words.fresh === '1',
    store = null,
    draftKey =
      'aoli-draft:' + words.user + (fresh ? '' : ':' + location.pathname + location.search);
  try {
    store = fresh ? localStorage : sessionStorage;
  } catch (e) {
    /* no storage: no draft then */
  }

  /* ---------- device type, kind, count ---------- */
  function chosenType() {
    return $('input[name=device_type]:checked', form);
  }
  function drawCount() {
    var type = chosenType(),
      holder = $('#device-count');
    var field = holder.closest('.field'),
      old = form.elements.devices,
      value = old ? String(old.value || '') : '';
    field.hidden = !type || !type.value;
    if (field.hidden) {
      total();
      return;
    }
    var counts = type.dataset.counts,
      quota = Number(type.dataset.quota);
    if (holder.dataset.type === type.value) {
      total();
      return;
    }
    holder.dataset.type = type.value;
    holder.textContent = '';
    if (counts) {
      var seg = document.createElement('div');
      seg.className = 'seg';
      counts.split(',').forEach(function (n) {
        var label = document.createElement('label'),
          input = document.createElement('input'),
          text = document.createElement('span');
        input.type = 'radio';
        input.name = 'devices';
        input.value = n;
        input.disabled = Number(n) > quota;
        input.checked = n === value || (n === '1' && counts.split(',').indexOf(value) < 0);
        text.textContent = n;
        label.append(input, text);
        seg.append(label);
      });
      holder.append(seg);
    } else {
      var number = document.createElement('input');
      number.className = 'inp num';
      number.type = 'number';
      number.name = 'devices';
      number.min = 0;
      number.max = quota;
      number.id = 'f-devices';
      number.value = value === '' ? '1' : value;
      holder.append(number);
    }
    $('#f-devices-note').textContent = type.dataset.help;
    total();
  }
  function drawKind() {
    var kind = $('input[name=kind]:checked', form),
      many = kind && kind.dataset.multi === '1';
    var field = $('#nodes-field');
    field.hidden = !many;
    $('#f-nodes').disabled = !many;
    $('#devices-label').textContent = many ? words.devicesPerNode : words.devices;
    $all('[data-kind-field]', form).forEach(function (part) {
      part.hidden = !kind || part.dataset.kindField !== kind.value;
      $all('input, select, textarea', part).forEach(function (input) {
        input.disabled = part.hidden;
      });
    });
    total();
  }
  function count() {
    var type = chosenType();
    if (!type || !type.value) return 0;
    return Number(form.elements.devices ? form.elements.devices.value || 0 : 0);
  }
  function total() {
    var nodes = Number($('#f-nodes').value || 0),
      devices = count();
    $('#total-devices').textContent = words.total
      .replace('%(nodes)s', nodes)
      .replace('%(devices)s', devices)
      .replace('%(total)s', nodes * devices);
  }

  /* ---------- rows and switches ---------- */
  function numbers() {
    var area = $('#f-command'),
      lines = Math.max(area.value.split('\n').length, 4),
      text = [];
    for (var i = 1; i <= lines; i++) text.push(i);
    $('#command-lines').textContent = text.join('\n');
    $('#command-lines').scrollTop = area.scrollTop;
  }
  function addRow(name, value) {
    var row = $('#env-row').content.firstElementChild.cloneNode(true);
    $('[name="env.name"]', row).value = name || '';
    $('[name="env.value"]', row).value = value || '';
    $('#env-rows').append(row);
    return row;
  }
  function drawSwitches() {
    $all('[data-enables]', form).forEach(function (box) {
      var part = document.getElementById(box.dataset.enables);
      if (part.tagName === 'INPUT') part.disabled = !box.checked;
      else part.hidden = !box.checked;
    });
    $('#preemptible-word').textContent = form.elements.preemptible.checked
      ? words.preemptible
      : words.keeps;
    var changed = advancedChanges();
    $('#advanced-tag').textContent = changed
      ? words.changed.replace('%s', changed)
      : words.defaults;
    $('#advanced-tag').classList.toggle('acc', changed > 0);
  }
  function advancedChanges() {
    var n = form.elements['registry.enabled'].checked ? 1 : 0;
    ['work', 'data', 'job'].forEach(function (point) {
      if (
        !form.elements['mounts.' + point + '.enabled'].checked ||
        form.elements['mounts.' + point + '.sub_path'].value
      )
        n += 1;
    });
    n += $all('[name="env.name"]', form).filter(function (field) {
      return field.value;
    }).length;
    return n + (form.elements.priority.value !== '100' ? 1 : 0);
  }
  form.addEventListener('click', function (event) {
    var button = event.target.closest('button');
    if (!button) return;
    if (button.id === 'env-add') $('[name="env.name"]', addRow()).focus();
    else if (button.hasAttribute('data-remove-row')) {
      var row = button.closest('.envrow'),
        next = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      (next ? $('input', next) : $('#env-add')).focus();
      form.dispatchEvent(new Event('input', { bubbles: true }));
    }
  });
  function addAll(text) {
    /* the lines of a .env file; a name that is there gets the new value */
    text.split(/\r?\n/).forEach(function (line) {
      var match = /^\s*(?:export\s+)?([^=\s#]+)\s*=\s*(.*)$/.exec(line);
      if (!match) return;
      var value = match[2].replace(/^(['"])(.*)\1$/, '$2');
      var there = $all('.envrow', form).filter(function (row) {
        return $('[name="env.name"]', row).value.trim() === match[1];
      })[0];
      if (there) $('[name="env.value"]', there).value = value;
      else addRow(match[1], value);
    });
    form.dispatchEvent(new Event('input', { bubbles: true }));
  }
  $('#env-rows').addEventListener('paste', function (event) {
    /* a whole .env at once */
    var text = event.clipboardData.getData('text');
    if (text.indexOf('\n') < 0 || event.target.name !== 'env.name') return;
    event.preventDefault();
    var row = event.target.closest('.envrow');
    if (!event.target.value) row.remove();
    addAll(text);
  });
  $('#env-form').addEventListener('submit', function () {
    addAll($('#env-text').value);
    $('#env-text').value = '';
  });
  function redraw() {
    drawCount();
    drawKind();
    drawSwitches();
    numbers();
  }
  form.addEventListener('input', function (event) {
    if (event.target.id === 'f-command') numbers();
    if (event.target.name === 'devices' || event.target.name === 'nodes') total();
    drawSwitches();
    saveDraft();
  });
  form.addEventListener('change', function () {
    redraw();
    saveDraft();
  });
  $('#f-command').addEventListener('scroll', numbers);

  /* ---------- errors ---------- */
  function fieldOf(name) {
    var row = /^env\.(.*)$/.exec(name);
    if (row) {
      var at = $all('.envrow', form).filter(function (item) {
        return $('[name="env.name"]', item).value.trim() === row[1];
      });
      return at[at.length - 1] || $('#env-rows').closest('[data-field]');
    }
    return (
      $('[data-field="' + CSS.escape(name) + '"]', form) ||
      $('[data-field="' + CSS.escape(name.split('.')[0]) + '"]', form)
    );
  }
  function inputOf(box) {
    return box && $('input:checked, .inp, .sel, textarea, input', box);
  }
  function clearErrors(only) {
    $all('[data-shown-error]', form).forEach(function (box) {
      if (only && box !== only) return;
      delete box.dataset.shownError;
      $all('[aria-invalid]', box).forEach(function (item) {
        item.removeAttribute('aria-invalid');
      });
      var note = $('.err', box);
      if (note) {
        if (note.dataset.help === undefined) note.remove();
        else {
          note.className = 'help';
          note.textContent = note.dataset.help;
          note.hidden = !note.dataset.help;
          delete note.dataset.help;
        }
      }
    });
  }
  function show(name, messages) {
    var box = fieldOf(name);
    if (!box) return;
    box.dataset.shownError = name;
    var advanced = box.closest('details');
    if (advanced) advanced.open = true;
    var input = inputOf(box),
      target = $('.seg, .tiles', box) || input;
    if (target) target.setAttribute('aria-invalid', 'true');
    var note = $('[id$="-note"]', box);
    if (!note) {
      note = document.createElement('p');
      box.append(note);
    } else if (note.dataset.help === undefined)
      note.dataset.help = note.hidden ? '' : note.textContent;
    note.hidden = false;
    note.className = 'err';
    note.textContent = '';
    var icon = $('#error-icon').content.firstElementChild.cloneNode(true),
      text = document.createElement('span');
    text.textContent = messages.join(' ');
    note.append(icon, text);
  }
  function applyErrors(errors, all, quiet) {
    clearErrors();
    Object.keys(errors).forEach(function (name) {
      var row = fieldOf(name);
      if (all || touched[name] || (row && row.dataset.touched)) show(name, errors[name]);
    });
    summary(all ? errors : null, quiet);
  }
  function summary(errors, quiet) {
    var box = $('#form-errors');
    if (!errors) {
      if (!box.hidden) refreshSummary();
      return;
    }
    var names = Object.keys(errors);
    box.hidden = !names.length;
    if (!names.length) return;
    var list = $('[data-links]', box);
    $('[data-title]', box).textContent = (
      names.length === 1 ? words.oneError : words.manyErrors
    ).replace('%s', names.length);
    list.textContent = '';
    names.forEach(function (name, i) {
      var field = fieldOf(name),
        link = document.createElement('a'),
        input = inputOf(field);
      if (i) list.append(words.comma);
      link.href = '#';
      link.textContent = labelOf(field, name);
      link.title = errors[name].join(' ');
      link.dataset.error = name;
      link.addEventListener('click', function (event) {
        event.preventDefault();
        if (input) {
          input.scrollIntoView({ block: 'center' });
          input.focus();
        }
      });
      if (field) list.append(link);
      else list.append(labelOf(null, name) + ': ' + errors[name].join(' '));
    });
    if (quiet) return; /* a preview's answer must not take the focus from who is correcting */
    box.focus();
    box.scrollIntoView({ block: 'nearest' });
  }
  function refreshSummary() {
    var box = $('#form-errors'),
      open = $all('[data-shown-error]', form).length;
    if (!open) box.hidden = true;
  }
  function labelOf(field, name) {
    var label = field && (field.dataset.label || ($('label, .lab', field) || {}).textContent);
    return (label || name).replace('*', '').trim();
  }
  form.addEventListener('focusout', function (event) {
    var box = event.target.closest('[data-field], .envrow');
    if (!box || !box.dataset.edited) return; /* passing through an empty field is no mistake yet */
    if (box.dataset.field) touched[box.dataset.field] = true;
    box.dataset.touched = '1';
  });
  form.addEventListener('input', function (event) {
    var box = event.target.closest('[data-field], .envrow');
    if (box) box.dataset.edited = '1';
  });
  /* Pressing something ends the edit of a field: what its preview says waits for the pointer. */
  var late = false;
  document.addEventListener('aoli:released', function () {
    if (late) preview();
    late = false;
  });
  /* The preview's answer carries the errors; only fields that were left show theirs. */
  document.body.addEventListener('aoli:errors', function (event) {
    if (A.pressed()) late = true;
    else applyErrors(event.detail.errors || {}, sent, true);
  });
  /* The first answer is waited for with a skeleton; later ones dim what stands there. */
  var box = $('#panel'),
    panel = A.panel(box),
    answered = false;
  function preview() {
    htmx.trigger(form, 'aoli:preview');
  }
  document.addEventListener('htmx:beforeRequest', function (event) {
    if (event.detail.elt !== form) return;
    if (answered) box.classList.add('stale');
    else panel.wait();
  });
  document.addEventListener('htmx:beforeSwap', function (event) {
    if (event.detail.target !== box || !event.detail.shouldSwap) return;
    if (A.pressed()) {
      event.detail.shouldSwap = false;
      late = true;
      return;
    }
    panel.done();
    answered = true;
  });
  document.addEventListener('htmx:afterRequest', function (event) {
    if (event.detail.elt !== form) return;
    box.classList.remove('stale');
    texts();
  });
  ['htmx:responseError', 'htmx:sendError'].forEach(function (name) {
    document.addEventListener(name, function (event) {
      if (event.detail.elt !== form || event.detail.xhr.status === 401) return;
      answered = false;
      panel.fail(preview);
    });
  });

  /* ---------- draft ---------- */
  function entries() {
    var found = [];
    new FormData(form).forEach(function (value, name) {
      if (name !== 'csrf_token' && name !== 'registry.password' && typeof value === 'string')
        found.push([name, value]);
    });
    return found;
  }
  var saving = null;
  function saveDraft() {
    clearTimeout(saving);
    saving = setTimeout(writeDraft, 200);
  }
  function writeDraft() {
    clearTimeout(saving);
    saving = null;
    try {
      store.setItem(draftKey, JSON.stringify(entries()));
    } catch (e) {
      /* private mode or full: no draft then */
    }
  }
  function dropDraft() {
    clearTimeout(saving);
    saving = null;
    try {
      store.removeItem(draftKey);
    } catch (e) {
      /* there was none */
    }
  }
  addEventListener('pagehide', function () {
    if (saving) writeDraft();
  });
  document.addEventListener('aoli:leaving', writeDraft);
  function restore() {
    var kept = null;
    try {
      kept = JSON.parse(store.getItem(draftKey) || 'null');
    } catch (e) {
      /* not ours */
    }
    if (!kept || !kept.length || (!fresh && !location.search)) return;
    $all('.envrow', form).forEach(function (row) {
      row.remove();
    });
    $all('input[type=checkbox]', form).forEach(function (box) {
      box.checked = false;
    });
    ['kind', 'device_type'].forEach(function (name) {
      kept.forEach(function (pair) {
        if (pair[0] === name) {
          var radio = $('input[name=' + name + '][value="' + CSS.escape(pair[1]) + '"]', form);
          if (radio) radio.checked = true;
        }
      });
    });
    $('#device-count').dataset.type = '';
    redraw();
    var names = [];
    kept.forEach(function (pair) {
      if (pair[0] === 'env.name') names.push(pair[1]);
      else if (pair[0] === 'env.value') addRow(names.shift(), pair[1]);
      else fill(pair[0], pair[1]);
    });
    $('#draft-note').hidden = false;
    document.dispatchEvent(new CustomEvent('aoli:filled'));
    redraw();
  }
  function fill(name, value) {
    if (name === 'kind' || name === 'device_type') return;
    var field = form.elements[name];
    if (!field) return;
    if (field instanceof RadioNodeList) {
      Array.prototype.forEach.call(field, function (item) {
        if (item.value === value) item.checked = true;
      });
    } else if (field.type === 'checkbox') field.checked = true;
    else if (field.type === 'radio') {
      if (field.value === value) field.checked = true;
    } else field.value = value;
  }
  $('#draft-drop').addEventListener('click', function () {
    dropDraft();
    location.reload();
  });

  /* ---------- sending ---------- */
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    var button = $('#submit-job'),
      buttons = $all('[data-submit]');
    if (button.getAttribute('aria-busy') === 'true') return;
    buttons.forEach(function (b) {
      A.busy(b, true);
    });
    A.ask(form.action, new FormData(form))
      .then(function (answer) {
        return answer.json().then(function (body) {
          return { status: answer.status, body: body };
        });
      })
      .then(function (answer) {
        if (answer.status === 201) {
          dropDraft();
          location.assign(answer.body.location);
          return;
        }
        buttons.forEach(function (b) {
          A.busy(b, false);
        });
        if (answer.status === 422) {
          sent = true;
          applyErrors(answer.body.errors, true);
        } else A.toast('dng', words.failed, answer.body.detail);
      })
      .catch(function () {
        buttons.forEach(function (b) {
          A.busy(b, false);
        });
        A.toast('dng', words.failed, words.kept);
      });
  });

  /* ---------- the same job as text ---------- */
  var shownText = 'cli';
  function texts() {
    $all('[data-text]').forEach(function (block) {
      block.hidden = block.dataset.text !== shownText;
    });
    $all('[data-show-text]').forEach(function (tab) {
      tab.setAttribute('aria-selected', String(tab.dataset.showText === shownText));
    });
    var copy = $('#copy-text');
    if (copy) copy.dataset.copyFrom = 'text-' + shownText;
  }
  document.addEventListener('click', function (event) {
    var tab = event.target.closest('[data-show-text]'),
      pick = event.target.closest('[data-pick-type]');
    if (tab) {
      shownText = tab.dataset.showText;
      texts();
    }
    if (pick) {
      var radio = $(
        'input[name=device_type][value="' + CSS.escape(pick.dataset.pickType) + '"]',
        form,
      );
      if (radio) {
        radio.checked = true;
        form.dispatchEvent(new Event('change', { bubbles: true }));
      }
    }
  });
  var template = $('#f-template');
  if (template)
    template.addEventListener('change', function () {
      location.assign(template.value ? template.value : location.pathname);
    });

  restore();
  redraw();
  texts();
  /* after htmx has looked at the page, which it does on the same event, registered earlier */
  document.addEventListener('DOMContentLoaded', preview);
})();
