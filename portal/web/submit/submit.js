/* The submit form: controls that depend on each other, errors at their fields, a draft that
   survives reloads (never secrets), sending without losing what was typed. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const $all = A.$all;
  const form = $('#job-form');
  if (!form) return;
  const words = form.dataset;
  const touched = {};
  let sent = false;
  /* A new job has one draft for all tabs; one that began as a copy or from a template has its
     own, for as long as the tab is open. */
  const fresh = words.fresh === '1';
  let store = null;
  let saving = null;
  let shownText = 'cli';
  const draftKey = `aoli-draft:${words.user}${fresh ? '' : `:${location.pathname}${location.search}`}`;
  try {
    store = fresh ? localStorage : sessionStorage;
  } catch {
    /* no storage: no draft then */
  }

  /* ---------- device type, kind, count ---------- */
  function chosenType() {
    return $('input[name=device_type]:checked', form);
  }
  function drawCount() {
    const type = chosenType();
    const holder = $('#device-count');
    const field = holder.closest('.field');
    const old = form.elements.devices;
    const value = old ? String(old.value || '') : '';
    field.hidden = !type || !type.value;
    if (field.hidden) {
      total();
      return;
    }
    const counts = type.dataset.counts;
    const most = Number(type.dataset.most);
    if (holder.dataset.type === type.value) {
      total();
      return;
    }
    holder.dataset.type = type.value;
    holder.textContent = '';
    if (counts) {
      const seg = document.createElement('div');
      seg.className = 'seg';
      counts.split(',').forEach((n) => {
        const label = document.createElement('label');
        const input = document.createElement('input');
        const text = document.createElement('span');
        input.type = 'radio';
        input.name = 'devices';
        input.value = n;
        input.disabled = Number(n) > most;
        input.checked = n === value || (n === '1' && !counts.split(',').includes(value));
        text.textContent = n;
        label.append(input, text);
        seg.append(label);
      });
      holder.append(seg);
    } else {
      const number = document.createElement('input');
      number.className = 'inp num';
      number.type = 'number';
      number.name = 'devices';
      number.min = 0;
      number.max = most;
      number.id = 'f-devices';
      number.value = value === '' ? '1' : value;
      holder.append(number);
    }
    $('#f-devices-note').textContent = type.dataset.help;
    total();
  }
  function drawKind() {
    const kind = $('input[name=kind]:checked', form);
    const many = kind && kind.dataset.multi === '1';
    const field = $('#nodes-field');
    field.hidden = !many;
    $('#f-nodes').disabled = !many;
    $('#devices-label').textContent = many ? words.devicesPerNode : words.devices;
    $all('[data-kind-field]', form).forEach((part) => {
      part.hidden = !kind || part.dataset.kindField !== kind.value;
      $all('input, select, textarea', part).forEach((input) => {
        input.disabled = part.hidden;
      });
    });
    total();
  }
  function count() {
    const type = chosenType();
    if (!type || !type.value) return 0;
    return Number(form.elements.devices ? form.elements.devices.value || 0 : 0);
  }
  function total() {
    const nodes = Number($('#f-nodes').value || 0);
    const devices = count();
    $('#total-devices').textContent = words.total
      .replace('%(nodes)s', nodes)
      .replace('%(devices)s', devices)
      .replace('%(total)s', nodes * devices);
  }

  /* ---------- rows and switches ---------- */
  function numbers() {
    const area = $('#f-command');
    const lines = Math.max(area.value.split('\n').length, 4);
    const text = [];
    for (let i = 1; i <= lines; i++) text.push(i);
    $('#command-lines').textContent = text.join('\n');
    $('#command-lines').scrollTop = area.scrollTop;
  }
  function lockRow(row, secret) {
    /* what the name tells stays hidden, whatever is marked */
    const hidden = secret || row.dataset.tells === '1';
    const value = $('[name="env.value"]', row);
    const eye = $('[data-reveal-row]', row);
    $('[name="env.secret"]', row).value = secret ? 'true' : '';
    value.type = hidden ? 'password' : 'text';
    value.autocomplete = hidden ? 'new-password' : 'off';
    $('[data-secret-row]', row).setAttribute('aria-pressed', String(hidden));
    eye.disabled = !hidden;
    eye.setAttribute('aria-pressed', 'false');
  }
  function tellRows(names) {
    /* the server knows which names tell of a secret */
    $all('.envrow', form).forEach((row) => {
      const tells = names.includes($('[name="env.name"]', row).value.trim()) ? '1' : '';
      if ((row.dataset.tells || '') === tells) return;
      row.dataset.tells = tells;
      lockRow(row, $('[name="env.secret"]', row).value === 'true');
    });
  }
  function addRow(name, value, secret) {
    const row = $('#env-row').content.firstElementChild.cloneNode(true);
    if (secret) lockRow(row, true);
    $('[name="env.name"]', row).value = name || '';
    $('[name="env.value"]', row).value = value || '';
    $('#env-rows').append(row);
    return row;
  }
  function drawSwitches() {
    $all('[data-enables]', form).forEach((box) => {
      const part = document.getElementById(box.dataset.enables);
      if (part.tagName === 'INPUT') part.disabled = !box.checked;
      else part.hidden = !box.checked;
    });
    $('#preemptible-word').textContent = form.elements.preemptible.checked
      ? words.preemptible
      : words.keeps;
    const changed = advancedChanges();
    $('#advanced-tag').textContent = changed
      ? words.changed.replace('%s', changed)
      : words.defaults;
    $('#advanced-tag').classList.toggle('acc', changed > 0);
  }
  function advancedChanges() {
    let n = form.elements['registry.enabled'].checked ? 1 : 0;
    ['work', 'data', 'job'].forEach((point) => {
      if (
        !form.elements[`mounts.${point}.enabled`].checked ||
        form.elements[`mounts.${point}.sub_path`].value
      )
        n += 1;
    });
    n += $all('[name="env.name"]', form).filter((field) => field.value).length;
    return n + (form.elements.priority.value !== '100' ? 1 : 0);
  }
  form.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.hasAttribute('data-secret-row')) {
      const locked = button.closest('.envrow');
      lockRow(locked, $('[name="env.secret"]', locked).value !== 'true');
      form.dispatchEvent(new Event('input', { bubbles: true }));
    } else if (button.hasAttribute('data-reveal-row')) {
      const field = $('[name="env.value"]', button.closest('.envrow'));
      const shown = field.type === 'password';
      field.type = shown ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(shown));
    } else if (button.id === 'env-add') $('[name="env.name"]', addRow()).focus();
    else if (button.hasAttribute('data-remove-row')) {
      const row = button.closest('.envrow');
      const next = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      (next ? $('input', next) : $('#env-add')).focus();
      form.dispatchEvent(new Event('input', { bubbles: true }));
    }
  });
  function addAll(text) {
    /* the lines of a .env file; a name that is there gets the new value */
    text.split(/\r?\n/).forEach((line) => {
      const match = /^\s*(?:export\s+)?([^=\s#]+)\s*=\s*(.*)$/.exec(line);
      if (!match) return;
      const value = match[2].replace(/^(['"])(.*)\1$/, '$2');
      const there = $all('.envrow', form).filter(
        (row) => $('[name="env.name"]', row).value.trim() === match[1],
      )[0];
      if (there) $('[name="env.value"]', there).value = value;
      else addRow(match[1], value);
    });
    form.dispatchEvent(new Event('input', { bubbles: true }));
  }
  $('#env-rows').addEventListener('paste', (event) => {
    /* a whole .env at once */
    const text = event.clipboardData.getData('text');
    if (!text.includes('\n') || event.target.name !== 'env.name') return;
    event.preventDefault();
    const row = event.target.closest('.envrow');
    if (!event.target.value) row.remove();
    addAll(text);
  });
  $('#env-form').addEventListener('submit', () => {
    addAll($('#env-text').value);
    $('#env-text').value = '';
  });
  function redraw() {
    drawCount();
    drawKind();
    drawSwitches();
    numbers();
  }
  form.addEventListener('input', (event) => {
    if (event.target.id === 'f-command') numbers();
    if (event.target.name === 'devices' || event.target.name === 'nodes') total();
    drawSwitches();
    saveDraft();
  });
  form.addEventListener('change', () => {
    redraw();
    saveDraft();
  });
  $('#f-command').addEventListener('scroll', numbers);

  /* ---------- errors ---------- */
  function fieldOf(name) {
    const row = /^env\.(.*)$/.exec(name);
    if (row) {
      const at = $all('.envrow', form).filter(
        (item) => $('[name="env.name"]', item).value.trim() === row[1],
      );
      return at[at.length - 1] || $('#env-rows').closest('[data-field]');
    }
    return (
      $(`[data-field="${CSS.escape(name)}"]`, form) ||
      $(`[data-field="${CSS.escape(name.split('.')[0])}"]`, form)
    );
  }
  function inputOf(box) {
    return box && $('input:checked, .inp, .sel, textarea, input', box);
  }
  function clearErrors(only) {
    $all('[data-shown-error]', form).forEach((box) => {
      if (only && box !== only) return;
      delete box.dataset.shownError;
      $all('[aria-invalid]', box).forEach((item) => {
        item.removeAttribute('aria-invalid');
      });
      const note = $('.err', box);
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
    const box = fieldOf(name);
    if (!box) return;
    box.dataset.shownError = name;
    const advanced = box.closest('details');
    if (advanced) advanced.open = true;
    const input = inputOf(box);
    const target = $('.seg, .tiles', box) || input;
    if (target) target.setAttribute('aria-invalid', 'true');
    let note = $('[id$="-note"]', box);
    if (!note) {
      note = document.createElement('p');
      box.append(note);
    } else if (note.dataset.help === undefined)
      note.dataset.help = note.hidden ? '' : note.textContent;
    note.hidden = false;
    note.className = 'err';
    note.textContent = '';
    const icon = $('#error-icon').content.firstElementChild.cloneNode(true);
    const text = document.createElement('span');
    text.textContent = messages.join(' ');
    note.append(icon, text);
  }
  function applyErrors(errors, all, quiet) {
    clearErrors();
    Object.keys(errors).forEach((name) => {
      const row = fieldOf(name);
      if (all || touched[name] || (row && row.dataset.touched)) show(name, errors[name]);
    });
    summary(all ? errors : null, quiet);
  }
  function summary(errors, quiet) {
    const box = $('#form-errors');
    if (!errors) {
      if (!box.hidden) refreshSummary();
      return;
    }
    const names = Object.keys(errors);
    box.hidden = !names.length;
    if (!names.length) return;
    const list = $('[data-links]', box);
    $('[data-title]', box).textContent = (
      names.length === 1 ? words.oneError : words.manyErrors
    ).replace('%s', names.length);
    list.textContent = '';
    names.forEach((name, i) => {
      const field = fieldOf(name);
      const link = document.createElement('a');
      const input = inputOf(field);
      if (i) list.append(words.comma);
      link.href = '#';
      link.textContent = labelOf(field, name);
      link.title = errors[name].join(' ');
      link.dataset.error = name;
      link.addEventListener('click', (event) => {
        event.preventDefault();
        if (input) {
          input.scrollIntoView({ block: 'center' });
          input.focus();
        }
      });
      if (field) list.append(link);
      else list.append(`${labelOf(null, name)}: ${errors[name].join(' ')}`);
    });
    if (quiet) return; /* a preview's answer must not take the focus from who is correcting */
    box.focus();
    box.scrollIntoView({ block: 'nearest' });
  }
  function refreshSummary() {
    const box = $('#form-errors');
    const open = $all('[data-shown-error]', form).length;
    if (!open) box.hidden = true;
  }
  function labelOf(field, name) {
    const label = field && (field.dataset.label || ($('label, .lab', field) || {}).textContent);
    return (label || name).replace('*', '').trim();
  }
  form.addEventListener('focusout', (event) => {
    const box = event.target.closest('[data-field], .envrow');
    if (!box || !box.dataset.edited) return; /* passing through an empty field is no mistake yet */
    if (box.dataset.field) touched[box.dataset.field] = true;
    box.dataset.touched = '1';
  });
  form.addEventListener('input', (event) => {
    const box = event.target.closest('[data-field], .envrow');
    if (box) box.dataset.edited = '1';
  });
  /* Pressing something ends the edit of a field: what its preview says waits for the pointer. */
  let late = false;
  document.addEventListener('aoli:released', () => {
    if (late) preview();
    late = false;
  });
  /* The first answer is waited for with a skeleton; later ones dim what stands there. Of several
     questions the newest alone is answered. */
  const box = $('#panel');
  const panel = A.panel(box);
  let answered = false;
  let asking = null;
  let soon = null;
  async function preview() {
    clearTimeout(soon);
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    if (answered) box.classList.add('stale');
    else panel.wait();
    try {
      const answer = await A.ask(words.preview, new FormData(form), mine.signal);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const body = await answer.json();
      if (mine !== asking) return;
      draw(body);
    } catch {
      if (mine !== asking) return;
      answered = false;
      panel.fail(preview);
    }
    box.classList.remove('stale');
    texts();
  }
  function draw(body) {
    if (A.pressed()) {
      late = true;
      return;
    }
    applyErrors(body.errors, sent, true); /* only fields that were left show theirs */
    panel.done();
    answered = true;
    const focused = box.contains(document.activeElement) && document.activeElement.id;
    box.innerHTML = body.panel;
    tellRows(body.secrets);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
  function previewIn(ms) {
    clearTimeout(soon);
    soon = setTimeout(preview, ms);
  }
  form.addEventListener('change', () => previewIn(100));
  form.addEventListener('input', () => previewIn(300));

  /* ---------- draft ---------- */
  function entries() {
    const found = [];
    const rows = $all('.envrow', form).map((row) => ({
      name: $('[name="env.name"]', row).value,
      secret: $('[data-secret-row]', row).getAttribute('aria-pressed') === 'true',
    }));
    /* a draft holds no secret, only the name of the variable that had one */
    function kept(name, value) {
      const row = name === 'env.value' ? rows.shift() : null;
      if (!row || !row.secret || !value) return [name, value];
      found.push(['env.lost', row.name]);
      return [name, ''];
    }
    new FormData(form).forEach((value, name) => {
      if (name !== 'csrf_token' && name !== 'registry.password' && typeof value === 'string')
        found.push(kept(name, value));
    });
    return found;
  }
  function saveDraft() {
    clearTimeout(saving);
    saving = setTimeout(writeDraft, 200);
  }
  function writeDraft() {
    clearTimeout(saving);
    saving = null;
    try {
      store.setItem(draftKey, JSON.stringify(entries()));
    } catch {
      /* private mode or full: no draft then */
    }
  }
  function dropDraft() {
    clearTimeout(saving);
    saving = null;
    try {
      store.removeItem(draftKey);
    } catch {
      /* there was none */
    }
  }
  addEventListener('pagehide', () => {
    if (saving) writeDraft();
  });
  document.addEventListener('aoli:leaving', writeDraft);
  function restore() {
    let kept = null;
    try {
      kept = JSON.parse(store.getItem(draftKey) || 'null');
    } catch {
      /* not ours */
    }
    if (!kept || !kept.length || (!fresh && !location.search)) return;
    const given = {};
    const lost = kept.filter((pair) => pair[0] === 'env.lost').map((pair) => pair[1]);
    const marks = kept.filter((pair) => pair[0] === 'env.secret');
    $all('.envrow', form).forEach((row) => {
      given[$('[name="env.name"]', row).value] = $('[name="env.value"]', row).value;
      row.remove();
    });
    $all('input[type=checkbox]', form).forEach((box) => {
      box.checked = false;
    });
    ['kind', 'device_type'].forEach((name) => {
      kept.forEach((pair) => {
        if (pair[0] === name) {
          const radio = $(`input[name=${name}][value="${CSS.escape(pair[1])}"]`, form);
          if (radio) radio.checked = true;
        }
      });
    });
    $('#device-count').dataset.type = '';
    redraw();
    const names = [];
    kept.forEach((pair) => {
      if (pair[0] === 'env.name') names.push(pair[1]);
      else if (pair[0] === 'env.value')
        againRow(names.shift(), pair[1], (marks.shift() || [])[1] === 'true');
      else if (pair[0] === 'env.secret') return;
      else fill(pair[0], pair[1]);
    });
    function againRow(name, value, secret) {
      /* a draft holds no secret: the page's own, or a word */
      const was = lost.includes(name);
      const row = addRow(name, was ? given[name] || '' : value, secret);
      if (!was || given[name]) return;
      const note = document.createElement('p');
      note.className = 'wrn';
      note.textContent = words.secretAgain;
      row.append(note);
    }
    $('#draft-note').hidden = false;
    document.dispatchEvent(new CustomEvent('aoli:filled'));
    redraw();
  }
  function fill(name, value) {
    if (name === 'kind' || name === 'device_type') return;
    const field = form.elements[name];
    if (!field) return;
    if (field instanceof RadioNodeList) {
      for (const item of field) if (item.value === value) item.checked = true;
    } else if (field.type === 'checkbox') field.checked = true;
    else if (field.type === 'radio') {
      if (field.value === value) field.checked = true;
    } else field.value = value;
  }
  $('#draft-drop').addEventListener('click', () => {
    dropDraft();
    location.reload();
  });

  /* ---------- sending ---------- */
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = $('#submit-job');
    const buttons = $all('[data-submit]');
    if (button.getAttribute('aria-busy') === 'true') return;
    const atWork = (on) => buttons.forEach((b) => A.busy(b, on));
    atWork(true);
    try {
      const answer = await A.ask(form.action, new FormData(form));
      const body = await answer.json();
      if (answer.status === 201) {
        dropDraft();
        location.assign(body.location);
        return;
      }
      atWork(false);
      if (answer.status === 422) {
        sent = true;
        applyErrors(body.errors, true);
      } else A.toast('dng', words.failed, body.detail);
    } catch {
      atWork(false);
      A.toast('dng', words.failed, words.kept);
    }
  });

  /* ---------- the same job as text ---------- */
  function texts() {
    $all('[data-text]').forEach((block) => {
      block.hidden = block.dataset.text !== shownText;
    });
    $all('[data-show-text]').forEach((tab) => {
      tab.setAttribute('aria-selected', String(tab.dataset.showText === shownText));
    });
    const copy = $('#copy-text');
    if (copy) copy.dataset.copyFrom = `text-${shownText}`;
  }
  document.addEventListener('click', (event) => {
    const tab = event.target.closest('[data-show-text]');
    const pick = event.target.closest('[data-pick-type]');
    if (tab) {
      shownText = tab.dataset.showText;
      texts();
    }
    if (pick) {
      const radio = $(
        `input[name=device_type][value="${CSS.escape(pick.dataset.pickType)}"]`,
        form,
      );
      if (radio) {
        radio.checked = true;
        form.dispatchEvent(new Event('change', { bubbles: true }));
      }
    }
  });
  const template = $('#f-template');
  if (template)
    template.addEventListener('change', () => {
      location.assign(template.value ? template.value : location.pathname);
    });

  restore();
  redraw();
  texts();
  /* after the other scripts of the page, which fill the form, too */
  document.addEventListener('DOMContentLoaded', preview);
})();
