/* The list of jobs: rows keyed by id, selection, bulk acts, inline priority, row keys. */
(() => {
  'use strict';
  const A = window.Aoli;
  const $ = A.$;
  const $all = A.$all;
  const table = $('#jobs-table');

  /* ---------- what has come meanwhile: it waits behind a note, nothing moves ---------- */
  const note = $('#new-jobs');
  const NEWS_MS = 2000;
  let newsAt = 0;
  let newsTimer = null;
  let moved = false;
  const later = {}; /* where to resume the jobs that have yet to pause */
  function news() {
    if (newsTimer) return;
    newsTimer = setTimeout(askNews, Math.max(0, newsAt + NEWS_MS - Date.now()));
  }
  async function askNews() {
    newsTimer = null;
    newsAt = Date.now();
    try {
      const answer = await A.live.get(note.dataset.news);
      told(await answer.json());
    } catch {
      /* the next round tries again */
    }
  }
  function told(what) {
    const tabs = $all('.tabs .cnt');
    [what.counts.mine, what.counts.all].forEach((n, i) => {
      if (tabs[i] && n !== undefined) tabs[i].textContent = n;
    });
    Object.keys(what.sizes).forEach((name) => {
      const cell = $(`[data-group="${name}"] [data-size]`);
      if (cell) cell.textContent = what.sizes[name].toLocaleString('en');
    });
    const text = [what.text, moved && note.dataset.moved].filter(Boolean).join(' · ');
    if (note.dataset.said === text) return;
    note.dataset.said = text;
    note.textContent = '';
    if (!text) return;
    const link = document.createElement('a');
    link.href = note.dataset.here;
    link.className = 'btn sm';
    link.dataset.key = 'new';
    link.textContent = `${text} · ${note.dataset.show}`;
    note.append(link);
  }
  A.live.on(news);
  if (!table) return;
  const bar = $('#bulk');
  const words = table.dataset;

  /* ---------- live rows ---------- */
  A.live.on(async (ids) => {
    const shown = $all('tr[data-job]', table).map((row) => row.dataset.job);
    const wanted = ids ? ids.filter((id) => shown.includes(id)) : shown;
    if (!wanted.length) return;
    const query = wanted.map((id) => `id=${encodeURIComponent(id)}`).join('&');
    const joint = words.rows.includes('?') ? '&' : '?';
    try {
      const answer = await A.live.get(`${words.rows}${joint}${query}`);
      replace(await answer.text());
    } catch {
      /* the next round tries again */
    }
  });
  function replace(html) {
    const holder = document.createElement('template');
    holder.innerHTML = html;
    $all('tr[data-job]', holder.content).forEach((fresh) => {
      const row = document.getElementById(fresh.id);
      if (!row || row.dataset.print === fresh.dataset.print || row.querySelector('.prioin')) return;
      if (A.live.busy(row)) {
        A.live.hold();
        return;
      }
      const was = $('.pick', row);
      const active = row.contains(document.activeElement) ? document.activeElement : null;
      if ($('.pick', fresh)) $('.pick', fresh).checked = was ? was.checked : false;
      const key = active && active.dataset.key;
      fresh.classList.add('changed');
      if (row.classList.contains('current')) fresh.classList.add('current');
      row.replaceWith(fresh);
      resumeLater(fresh);
      if (key) {
        const back = $(`[data-key="${key}"]`, fresh);
        if (back) back.focus();
      }
    });
    if (misplaced() !== moved) {
      moved = !moved;
      news();
    }
    selection();
  }
  /* A row stays where it was read, also when its job belongs elsewhere now. */
  function misplaced() {
    let group = '';
    return $all('tbody tr', table).some((row) => {
      const head = $('th[data-group]', row);
      if (head) {
        group = head.dataset.group;
        return false;
      }
      return group && row.dataset.group !== group;
    });
  }

  /* ---------- selection and bulk acts ---------- */
  function picked() {
    return $all('.pick:checked', table);
  }
  function selection() {
    const rows = picked().map((box) => box.closest('tr'));
    const all = $('#pick-all');
    const boxes = $all('.pick', table);
    if (all) {
      all.checked = rows.length > 0 && rows.length === boxes.length;
      all.indeterminate = rows.length > 0 && !all.checked;
    }
    if (!bar) return;
    if (!rows.length && bar.contains(document.activeElement))
      all.focus({ preventScroll: true }); /* it goes */
    bar.hidden = !rows.length;
    $('[data-count]', bar).textContent = bar.dataset.selected.replace('%s', rows.length);
    const owners = rows
      .map((row) => row.dataset.user)
      .filter((name, i, all) => name && all.indexOf(name) === i);
    const told = [
      bar.dataset.devices.replace(
        '%s',
        rows.reduce((sum, row) => sum + Number(row.dataset.devices), 0),
      ),
    ];
    if (owners.length) told.push(bar.dataset.users.replace('%s', owners.length));
    $('[data-devices]', bar).textContent = told.join(bar.dataset.comma);
    const prio = $('#bulk-priority');
    const n = changeable().length;
    prio.disabled = !n;
    [prio, $('#priority-form .pri')].forEach((button) => {
      $('.lbl', button).textContent = `${prio.dataset.label} ${n}`;
    });
    $all('[data-act]', bar).forEach((button) => {
      const n = rows.filter((row) =>
        row.dataset.can.split(' ').includes(button.dataset.act),
      ).length;
      button.disabled = !n;
      $('.lbl', button).textContent = `${button.dataset.label} ${n}`;
    });
  }
  table.addEventListener('change', (event) => {
    if (event.target.id === 'pick-all')
      $all('.pick', table).forEach((box) => {
        box.checked = event.target.checked;
      });
    if (event.target.matches('.pick, #pick-all')) selection();
  });

  /* ---------- columns ---------- */
  $all('[data-column]').forEach((box) => {
    box.addEventListener('change', () => {
      table.classList.toggle(`no-${box.value}`, !box.checked);
      const hidden = (/(?:^|; )hidden_columns=([^;]*)/.exec(document.cookie) || ['', ''])[1]
        .split('.')
        .filter((name) => name && name !== box.value);
      A.keep('hidden_columns', hidden.concat(box.checked ? [] : [box.value]).join('.'));
    });
  });

  /* What the server says to an act: whether it was done, and its words. */
  async function ask(where, data) {
    data.set('csrf_token', A.csrf());
    const answer = await A.ask(where, data);
    return { ok: answer.ok, body: await answer.json() };
  }

  /* ---------- one priority for several ---------- */
  function changeable() {
    return picked()
      .map((box) => box.closest('tr'))
      .filter((row) => $('.prio', row));
  }
  async function setPriorities(ids, values, was) {
    const data = new FormData();
    ids.forEach((id, i) => {
      data.append('ids', id);
      data.append('priority', values[i]);
      if (was) data.append('was', was[i]);
    });
    try {
      const { ok, body } = await ask($('#priority-form').getAttribute('action'), data);
      if (!ok) {
        A.toast('dng', words.failed, body.detail);
        return;
      }
      (body.toasts || []).forEach(({ kind, title, text, undo: back }) => {
        const act = () => setPriorities(back.ids, back.priorities, back.was);
        A.toast(kind, title, text, back && { label: words.undo, act });
      });
      body.changed.forEach((one) => {
        const button = $(`#job-${CSS.escape(one.id)} .prio`);
        if (button) button.textContent = one.priority;
      });
      A.live.changed(null);
    } catch {
      A.toast('dng', words.failed, words.away);
    }
  }
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.id !== 'priority-form') return;
    event.preventDefault();
    const field = form.elements.priority;
    const box = $('#f-priority-note', form);
    const right = field.checkValidity() && field.value !== '';
    if (right) field.removeAttribute('aria-invalid');
    else field.setAttribute('aria-invalid', 'true');
    box.className = right ? 'help' : 'err';
    if (!right) {
      box.textContent = words.priorityRange;
      field.focus();
      return;
    }
    const ids = changeable().map((row) => row.dataset.job);
    form.closest('dialog').close();
    setPriorities(
      ids,
      ids.map(() => field.value),
    );
  });

  /* Kill asks first; the dialog names the jobs and their devices. */
  function askKill(rows, form, submitter) {
    const dialog = $('#kill-dialog');
    $('[data-kill-list]', dialog).textContent = rows
      .map((row) => row.dataset.name)
      .join($('[data-kill-list]', dialog).dataset.comma);
    $('[data-kill-devices]', dialog).textContent = words.killDevices
      .replace('%(jobs)s', rows.length)
      .replace(
        '%(devices)s',
        rows.reduce((sum, row) => sum + Number(row.dataset.devices), 0),
      );
    dialog.returnValue = '';
    dialog.onclose = () => {
      if (dialog.returnValue === 'kill') send(form, submitter, rows);
    };
    A.openDialog('kill-dialog');
    $('[data-close-dialog].btn', dialog).focus();
  }
  /* form.action would be the button of that name, so the attribute is asked for. */
  function send(form, submitter, rows) {
    const ids = rows.map((row) => row.dataset.job);
    act(form.getAttribute('action'), submitter.value, ids, rows);
  }
  async function act(where, action, ids, rows) {
    const data = new FormData();
    const guesses = action === 'kill' ? [] : rows.map((row) => expect(row, action));
    data.set('action', action);
    ids.forEach((id) => {
      data.append('ids', id);
    });
    try {
      const { ok, body } = await ask(where, data);
      if (ok) done(body, where, ids);
      else {
        guesses.forEach(takeBack);
        A.toast('dng', words.failed, body.detail);
      }
    } catch {
      guesses.forEach(takeBack);
      A.toast('dng', words.failed, words.away);
    }
    A.live.changed(null);
  }
  function done(body, where, ids) {
    A.toasts(body.toasts, (back) => undo(where, back));
    $all('.pick:checked', table).forEach((box) => {
      if (ids.includes(box.value)) box.checked = false;
    });
    selection();
  }
  /* A job that is pausing cannot go on before it has paused: then it is resumed. */
  function undo(where, what) {
    if (what.action === 'pause') {
      act(where, what.action, what.ids, []);
      return;
    }
    what.ids.forEach((id) => {
      later[id] = where;
    });
    A.toast('info', words.later, '');
    what.ids.forEach((id) => {
      const row = document.getElementById(`job-${id}`);
      if (row) resumeLater(row);
    });
    A.live.changed(null);
  }
  function resumeLater(row) {
    const where = later[row.dataset.job];
    const can = row.dataset.can.split(' ');
    if (!where || !can.includes('resume')) return;
    delete later[row.dataset.job];
    act(where, 'resume', [row.dataset.job], []);
  }
  /* Optimistic: the new state shows at once, the server's row replaces the guess. A guess that
     was wrong is taken back: the next news would not, for the server's row never changed. */
  function expect(row, action) {
    const was = row.cloneNode(true);
    row.dataset.print = '';
    $all('.acts button', row).forEach((button) => {
      button.disabled = true;
    });
    const word = $('.st', row);
    if (word && words[`${action}Word`]) word.lastChild.textContent = words[`${action}Word`];
    return { row, was };
  }
  function takeBack(guess) {
    if (!guess.row.isConnected) return;
    if ($('.pick', guess.was)) $('.pick', guess.was).checked = $('.pick', guess.row).checked;
    guess.row.replaceWith(guess.was);
  }
  document.addEventListener(
    'submit',
    (event) => {
      const form = event.target;
      const button = event.submitter;
      if (!form.matches('.job-act, #bulk-form') || !button || event.defaultPrevented) return;
      event.preventDefault();
      const rows =
        form.id === 'bulk-form'
          ? picked()
              .map((box) => box.closest('tr'))
              .filter((row) => row.dataset.can.split(' ').includes(button.value))
          : [form.closest('tr')];
      if (!rows.length) return;
      if (button.value === 'kill') askKill(rows, form, button);
      else send(form, button, rows);
    },
    true,
  );
  const clear = $('#bulk-clear');
  if (clear)
    clear.addEventListener('click', () => {
      picked().forEach((box) => {
        box.checked = false;
      });
      selection();
    });

  /* ---------- inline priority ---------- */
  table.addEventListener('click', (event) => {
    const button = event.target.closest('.prio');
    if (button) edit(button);
  });
  function edit(button) {
    const field = document.createElement('input');
    const old = button.textContent.trim();
    let done = false;
    field.className = 'inp prioin num';
    field.type = 'number';
    field.min = 1;
    field.max = 1000;
    field.value = old;
    field.setAttribute('aria-label', button.getAttribute('aria-label'));
    button.hidden = true;
    button.after(field);
    field.focus();
    field.select();
    function finish(save) {
      if (done) return;
      done = true;
      const value = field.value;
      const valid = field.checkValidity() && value !== '';
      const focused = document.activeElement === field;
      field.remove();
      button.hidden = false;
      if (focused) button.focus();
      if (!save || value === old) return;
      if (!valid) {
        A.toast('dng', words.failed, words.priorityRange);
        return;
      }
      button.textContent = value;
      post(button, value, old);
    }
    field.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Enter') {
        event.preventDefault();
        finish(true);
      }
      if (event.key === 'Escape') {
        event.stopPropagation();
        finish(false);
      }
    });
    field.addEventListener('blur', () => {
      finish(true);
    });
  }
  async function post(button, value, old) {
    const data = new FormData();
    data.set('priority', value);
    data.set('was', old);
    const act = () => {
      button.textContent = old;
      post(button, old, value);
    };
    try {
      const { ok, body } = await ask(button.dataset.url, data);
      if (ok) {
        A.toast('ok', body.title, body.text, old !== value && { label: words.undo, act });
        return;
      }
      button.textContent = old;
      button.closest('tr').dataset.print = ''; /* somebody else may have changed it */
      A.live.changed(null);
      A.toast('dng', words.failed, body.detail);
    } catch {
      button.textContent = old;
      A.toast('dng', words.failed, words.away);
    }
  }

  /* ---------- row keys ---------- */
  document.addEventListener('keydown', (event) => {
    if (
      !A.keys ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      A.typing(event.target) ||
      $('dialog[open]')
    )
      return;
    const rows = $all('tr[data-job]', table);
    let at = rows.findIndex((row) => row.classList.contains('current'));
    if (event.key === 'j' || event.key === 'k') {
      if (!rows.length) return;
      if (at >= 0) rows[at].classList.remove('current');
      at = event.key === 'j' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0);
      rows[at].classList.add('current');
      rows[at].scrollIntoView({ block: 'nearest' });
    } else if (at >= 0 && event.key === 'x') {
      const box = $('.pick', rows[at]);
      if (box) {
        box.checked = !box.checked;
        selection();
      }
    } else if (
      at >= 0 &&
      event.key === 'Enter' &&
      !event.target.closest('a, button, select, textarea, summary, input:not([type=checkbox])')
    ) {
      $('a.id', rows[at]).click();
    } else if (at >= 0 && event.key === 'p') {
      const button = $(
        'button[value=pause]:not([disabled]), button[value=resume]:not([disabled])',
        rows[at],
      );
      if (button) button.click();
    }
  });
  selection();
})();
