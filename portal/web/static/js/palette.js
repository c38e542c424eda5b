/* The search palette: what matches what is typed, below the field; arrows choose, Enter goes.
   Without it the field searches the list of jobs. */
(function () {
  'use strict';
  var A = window.Aoli,
    field = A.$('[data-global-search]'),
    box = A.$('#palette');
  if (!field || !box) return;
  var timer = null,
    slow = null,
    asked = 0,
    at = -1;

  function options() {
    return A.$all('[role=option]', box);
  }
  function show(on) {
    box.hidden = !on;
    field.setAttribute('aria-expanded', String(on));
    if (!on) choose(-1);
  }
  function choose(number) {
    options().forEach(function (option, i) {
      option.setAttribute('aria-selected', String(i === number));
    });
    at = number;
    var chosen = options()[at];
    if (chosen) {
      field.setAttribute('aria-activedescendant', chosen.id);
      chosen.scrollIntoView({ block: 'nearest' });
    } else field.removeAttribute('aria-activedescendant');
  }
  /* What is not a result: that one is searched for, or that nothing answers. */
  function say(word) {
    var line = document.createElement('div');
    line.className = 'cap';
    line.textContent = word;
    box.setAttribute('role', 'status'); /* no list of choices for now */
    box.replaceChildren(line);
    show(true);
    choose(-1);
  }
  function ask() {
    clearTimeout(timer);
    clearTimeout(slow);
    var mine = (asked += 1),
      text = field.value.trim();
    slow = setTimeout(function () {
      if (mine === asked && box.hidden && document.activeElement === field)
        say(box.dataset.searching);
    }, 200);
    A.ask(box.dataset.from + '?q=' + encodeURIComponent(text))
      .then(function (answer) {
        if (!answer.ok) throw new Error('HTTP ' + answer.status);
        return answer.text();
      })
      .then(function (html) {
        if (mine !== asked) return;
        clearTimeout(slow);
        if (document.activeElement !== field) return;
        box.setAttribute('role', 'listbox');
        box.innerHTML = html;
        show(true);
        choose(text && text === field.value.trim() && options().length ? 0 : -1);
      })
      .catch(function () {
        if (mine !== asked) return;
        clearTimeout(slow);
        if (document.activeElement === field) say(box.dataset.failed);
        else show(false);
      });
  }
  field.addEventListener('input', function () {
    choose(-1);
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  }); /* what is shown is of other letters */
  field.addEventListener('focus', ask);
  field.addEventListener('blur', function () {
    setTimeout(function () {
      if (document.activeElement !== field) show(false);
    }, 150);
  });
  box.addEventListener('mousedown', function (event) {
    event.preventDefault();
  }); /* the field keeps the focus */
  field.addEventListener('keydown', function (event) {
    if (event.isComposing) return;
    var count = options().length;
    if (event.key === 'Escape') {
      asked += 1;
      clearTimeout(slow);
      show(false);
    } else if (box.hidden || !count) return;
    else if (event.key === 'ArrowDown') {
      event.preventDefault();
      choose((at + 1) % count);
    } else if (event.key === 'ArrowUp') {
      event.preventDefault();
      choose((at - 1 + count) % count);
    } else if (event.key === 'Enter' && at >= 0) {
      event.preventDefault();
      options()[at].click();
    }
  });
})();
