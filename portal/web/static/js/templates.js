/* Saving the form as a template: says before saving when a name would be replaced. */
(function () {
  'use strict';
  var A = window.Aoli,
    form = document.getElementById('template-form'),
    job = document.getElementById('job-form');
  if (!form || !job) return;
  var words = form.dataset,
    known = JSON.parse(words.known),
    note = document.getElementById('f-template_name-note');
  var button = document.getElementById('template-save'),
    field = form.elements.template_name;

  function scope() {
    return form.querySelector('input[name=template_scope]:checked').value;
  }
  function exists() {
    return known.indexOf(scope() + '/' + field.value.trim()) >= 0;
  }
  function say(cls, text) {
    note.className = cls;
    note.textContent = text;
    note.hidden = !text;
  }
  function look() {
    field.removeAttribute('aria-invalid');
    button.querySelector('.lbl').textContent = exists() ? words.replace : words.save;
    say('wrn', exists() ? (scope() === 'team' ? words.teamExists : words.userExists) : '');
  }
  form.addEventListener('input', look);
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    var data = new FormData(job);
    data.set('template_name', field.value);
    data.set('template_scope', scope());
    if (exists()) data.set('overwrite', 'true');
    data.delete('registry.password');
    A.ask(form.action, data)
      .then(function (answer) {
        return answer.json().then(function (body) {
          return { status: answer.status, body: body };
        });
      })
      .then(function (answer) {
        if (answer.status === 201) {
          known.push(scope() + '/' + field.value.trim());
          form.closest('dialog').close();
          A.toast('ok', answer.body.title, '');
        } else if (answer.status === 409) {
          known.push(scope() + '/' + field.value.trim());
          look();
        } else {
          field.setAttribute('aria-invalid', 'true');
          say(
            'err',
            answer.status === 422
              ? Object.values(answer.body.errors).flat().join(' ')
              : answer.body.detail || words.failed,
          );
          field.focus();
        }
      })
      .catch(function () {
        say('err', words.failed);
      });
  });
})();
