/* The list of jobs: rows keyed by id, selection, bulk acts, inline priority, row keys. */
(function () {
  'use strict';
  var A = window.Aoli, $ = A.$, $all = A.$all;
  var table = $('#jobs-table');

  /* ---------- what has come meanwhile: it waits behind a note, nothing moves ---------- */
  var note = $('#new-jobs'), NEWS_MS = 2000, newsAt = 0, newsTimer = null, moved = false;
  function news() {
    if (newsTimer) return;
    newsTimer = setTimeout(function () {
      newsTimer = null; newsAt = Date.now();
      fetch(note.dataset.news, { headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
        .then(function (answer) { if (!answer.ok) throw new Error('HTTP ' + answer.status); return answer.json(); })
        .then(told)
        .catch(function () { /* the next round tries again */ });
    }, Math.max(0, newsAt + NEWS_MS - Date.now()));
  }
  function told(what) {
    var tabs = $all('.tabs .cnt');
    [what.counts.mine, what.counts.all].forEach(function (n, i) { if (tabs[i] && n !== undefined) tabs[i].textContent = n; });
    Object.keys(what.sizes).forEach(function (name) {
      var cell = table && $('th[data-group="' + name + '"] [data-size]', table);
      if (cell) cell.textContent = what.sizes[name].toLocaleString('en');
    });
    var text = [what.text, moved && note.dataset.moved].filter(Boolean).join(' · ');
    if (note.dataset.said === text) return;
    note.dataset.said = text; note.textContent = '';
    if (!text) return;
    var link = document.createElement('a');
    link.href = note.dataset.here; link.className = 'btn sm'; link.dataset.key = 'new';
    link.textContent = text + ' · ' + note.dataset.show;
    note.append(link);
  }
  A.live.on(news);
  if (!table) return;
  var bar = $('#bulk'), words = table.dataset;

  /* ---------- live rows ---------- */
  A.live.on(function (ids) {
    var shown = $all('tr[data-job]', table).map(function (row) { return row.dataset.job; });
    var wanted = ids ? ids.filter(function (id) { return shown.indexOf(id) >= 0; }) : shown;
    if (!wanted.length) return;
    fetch(words.rows + (words.rows.indexOf('?') < 0 ? '?' : '&') + wanted.map(function (id) { return 'id=' + encodeURIComponent(id); }).join('&'),
      { headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function (answer) { if (answer.status === 401) location.reload(); return answer.ok ? answer.text() : ''; })
      .then(function (html) { if (html) replace(html); })
      .catch(function () { /* the next round tries again */ });
  });
  function replace(html) {
    var holder = document.createElement('template');
    holder.innerHTML = html;
    $all('tr[data-job]', holder.content).forEach(function (fresh) {
      var row = document.getElementById(fresh.id);
      if (!row || row.dataset.print === fresh.dataset.print || row.querySelector('.prioin')) return;
      var was = $('.pick', row), active = row.contains(document.activeElement) ? document.activeElement : null;
      if ($('.pick', fresh)) $('.pick', fresh).checked = was ? was.checked : false;
      var key = active && active.dataset.key;
      fresh.classList.add('changed');
      if (row.classList.contains('current')) fresh.classList.add('current');
      row.replaceWith(fresh);
      if (key) { var back = $('[data-key="' + key + '"]', fresh); if (back) back.focus(); }
    });
    if (misplaced() !== moved) { moved = !moved; news(); }
    selection();
  }
  /* A row stays where it was read, also when its job belongs elsewhere now. */
  function misplaced() {
    var group = '';
    return $all('tbody tr', table).some(function (row) {
      var head = $('th[data-group]', row);
      if (head) { group = head.dataset.group; return false; }
      return group && row.dataset.group !== group;
    });
  }

  /* ---------- selection and bulk acts ---------- */
  function picked() { return $all('.pick:checked', table); }
  function selection() {
    var rows = picked().map(function (box) { return box.closest('tr'); });
    var all = $('#pick-all'), boxes = $all('.pick', table);
    if (all) { all.checked = rows.length > 0 && rows.length === boxes.length; all.indeterminate = rows.length > 0 && !all.checked; }
    if (!bar) return;
    bar.hidden = !rows.length;
    $('[data-count]', bar).textContent = bar.dataset.selected.replace('%s', rows.length);
    $('[data-devices]', bar).textContent = bar.dataset.devices.replace('%s', rows.reduce(function (sum, row) { return sum + Number(row.dataset.devices); }, 0));
    $all('[data-act]', bar).forEach(function (button) {
      var n = rows.filter(function (row) { return row.dataset.can.split(' ').indexOf(button.dataset.act) >= 0; }).length;
      button.disabled = !n;
      $('.lbl', button).textContent = button.dataset.label + ' ' + n;
    });
  }
  table.addEventListener('change', function (event) {
    if (event.target.id === 'pick-all') $all('.pick', table).forEach(function (box) { box.checked = event.target.checked; });
    if (event.target.matches('.pick, #pick-all')) selection();
  });

  /* Kill asks first; the dialog names the jobs and their devices. */
  function askKill(rows, form, submitter) {
    var dialog = $('#kill-dialog');
    $('[data-kill-list]', dialog).textContent = rows.map(function (row) { return row.dataset.name; }).join(', ');
    $('[data-kill-devices]', dialog).textContent = words.killDevices
      .replace('%(jobs)s', rows.length)
      .replace('%(devices)s', rows.reduce(function (sum, row) { return sum + Number(row.dataset.devices); }, 0));
    dialog.returnValue = '';
    dialog.onclose = function () { if (dialog.returnValue === 'kill') send(form, submitter, rows); };
    A.openDialog('kill-dialog');
    $('[data-close-dialog].btn', dialog).focus();
  }
  /* form.action would be the button of that name, so the attribute is asked for. */
  function send(form, submitter, rows) {
    var data = new FormData(form);
    data.set(submitter.name, submitter.value);
    var act = submitter.value;
    fetch(form.getAttribute('action'), { method: 'POST', body: data, headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function (answer) { return answer.json().then(function (body) { return { ok: answer.ok, body: body }; }); })
      .then(function (answer) {
        if (!answer.ok) { A.toast('dng', words.failed, answer.body.detail); }
        else {
          (answer.body.toasts || []).forEach(function (t) { A.toast(t.kind, t.title, t.text, t.undo && { label: t.undo.label, act: function () { undo(form, t.undo); } }); });
          $all('.pick:checked', table).forEach(function (box) { box.checked = false; });
          selection();
        }
        A.live.changed(null);
      })
      .catch(function () { A.toast('dng', words.failed, ''); A.live.changed(null); });
    if (act !== 'kill') rows.forEach(function (row) { expect(row, act); });
  }
  function undo(form, what) {
    var data = new FormData();
    data.set('csrf_token', A.csrf()); data.set('action', what.action);
    what.ids.forEach(function (id) { data.append('ids', id); });
    fetch(form.getAttribute('action'), { method: 'POST', body: data, headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function () { A.live.changed(null); });
  }
  /* Optimistic: the buttons go grey at once, the server's row replaces the guess. */
  function expect(row, act) {
    $all('.acts button', row).forEach(function (button) { button.disabled = true; });
    var word = $('.st', row);
    if (word && words[act + 'Word']) word.lastChild.textContent = words[act + 'Word'];
  }
  document.addEventListener('submit', function (event) {
    var form = event.target, button = event.submitter;
    if (!form.matches('.job-act, #bulk-form') || !button || event.defaultPrevented) return;
    event.preventDefault();
    var rows = form.id === 'bulk-form'
      ? picked().map(function (box) { return box.closest('tr'); }).filter(function (row) { return row.dataset.can.split(' ').indexOf(button.value) >= 0; })
      : [form.closest('tr')];
    if (!rows.length) return;
    if (button.value === 'kill') askKill(rows, form, button); else send(form, button, rows);
  }, true);
  var clear = $('#bulk-clear');
  if (clear) clear.addEventListener('click', function () { picked().forEach(function (box) { box.checked = false; }); selection(); });

  /* ---------- inline priority ---------- */
  table.addEventListener('click', function (event) {
    var button = event.target.closest('.prio');
    if (button) edit(button);
  });
  function edit(button) {
    var field = document.createElement('input'), old = button.textContent.trim(), done = false;
    field.className = 'inp prioin num'; field.type = 'number'; field.min = 1; field.max = 1000; field.value = old;
    field.setAttribute('aria-label', button.getAttribute('aria-label'));
    button.hidden = true;
    button.after(field); field.focus(); field.select();
    function finish(save) {
      if (done) return;
      done = true;
      var value = field.value, valid = field.checkValidity() && value !== '';
      var focused = document.activeElement === field;
      field.remove(); button.hidden = false;
      if (focused) button.focus();
      if (!save || value === old) return;
      if (!valid) { A.toast('dng', words.failed, words.priorityRange); return; }
      button.textContent = value;
      post(button, value, old);
    }
    field.addEventListener('keydown', function (event) {
      if (event.key === 'Enter') { event.preventDefault(); finish(true); }
      if (event.key === 'Escape') { event.stopPropagation(); finish(false); }
    });
    field.addEventListener('blur', function () { finish(true); });
  }
  function post(button, value, old) {
    var data = new FormData();
    data.set('csrf_token', A.csrf()); data.set('priority', value);
    fetch(button.dataset.url, { method: 'POST', body: data, headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function (answer) { return answer.json().then(function (body) { return { ok: answer.ok, body: body }; }); })
      .then(function (answer) {
        if (!answer.ok) { button.textContent = old; A.toast('dng', words.failed, answer.body.detail); return; }
        A.toast('ok', answer.body.title, answer.body.text, old !== value && { label: words.undo, act: function () { button.textContent = old; post(button, old, value); } });
      })
      .catch(function () { button.textContent = old; A.toast('dng', words.failed, ''); });
  }

  /* ---------- row keys ---------- */
  document.addEventListener('keydown', function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || A.typing(event.target) || $('dialog[open]')) return;
    var rows = $all('tr[data-job]', table), at = rows.findIndex(function (row) { return row.classList.contains('current'); });
    if (event.key === 'j' || event.key === 'k') {
      if (!rows.length) return;
      if (at >= 0) rows[at].classList.remove('current');
      at = event.key === 'j' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0);
      rows[at].classList.add('current');
      rows[at].scrollIntoView({ block: 'nearest' });
    } else if (at >= 0 && event.key === 'x') {
      var box = $('.pick', rows[at]);
      if (box) { box.checked = !box.checked; selection(); }
    } else if (at >= 0 && event.key === 'Enter' && event.target === document.body) {
      $('a.id', rows[at]).click();
    } else if (at >= 0 && event.key === 'p') {
      var button = $('button[value=pause]:not([disabled]), button[value=resume]:not([disabled])', rows[at]);
      if (button) button.click();
    }
  });
  selection();
})();
