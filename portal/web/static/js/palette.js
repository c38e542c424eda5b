/* The search palette: what matches what is typed, below the field; arrows choose, Enter goes.
   Without it the field searches the list of jobs. */
(function () {
  'use strict';
  var A = window.Aoli, field = A.$('[data-global-search]'), box = A.$('#palette');
  if (!field || !box) return;
  var timer = null, asked = 0, at = -1;

  function options() { return A.$all('[role=option]', box); }
  function show(on) {
    box.hidden = !on;
    field.setAttribute('aria-expanded', String(on));
    if (!on) choose(-1);
  }
  function choose(number) {
    options().forEach(function (option, i) { option.setAttribute('aria-selected', String(i === number)); });
    at = number;
    var chosen = options()[at];
    if (chosen) { field.setAttribute('aria-activedescendant', chosen.id); chosen.scrollIntoView({ block: 'nearest' }); }
    else field.removeAttribute('aria-activedescendant');
  }
  function ask() {
    clearTimeout(timer);
    var mine = asked += 1, text = field.value.trim();
    fetch(box.dataset.from + '?q=' + encodeURIComponent(text), { headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
      .then(function (answer) { if (!answer.ok) throw new Error('HTTP ' + answer.status); return answer.text(); })
      .then(function (html) {
        if (mine !== asked || document.activeElement !== field) return;
        box.innerHTML = html;
        show(true);
        choose(text && text === field.value.trim() && options().length ? 0 : -1);
      })
      .catch(function () { show(false); }); /* Enter still searches the list */
  }
  field.addEventListener('input', function () { choose(-1); clearTimeout(timer); timer = setTimeout(ask, 150); }); /* what is shown is of other letters */
  field.addEventListener('focus', ask);
  field.addEventListener('blur', function () { setTimeout(function () { if (document.activeElement !== field) show(false); }, 150); });
  box.addEventListener('mousedown', function (event) { event.preventDefault(); }); /* the field keeps the focus */
  field.addEventListener('keydown', function (event) {
    if (event.isComposing) return;
    var count = options().length;
    if (event.key === 'Escape') { asked += 1; show(false); }
    else if (box.hidden || !count) return;
    else if (event.key === 'ArrowDown') { event.preventDefault(); choose((at + 1) % count); }
    else if (event.key === 'ArrowUp') { event.preventDefault(); choose((at - 1 + count) % count); }
    else if (event.key === 'Enter' && at >= 0) { event.preventDefault(); options()[at].click(); }
  });
})();
