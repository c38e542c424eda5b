/* Saving the form as a template: says before saving when a name would be replaced. */
(() => {
  'use strict';
  const A = window.Aoli;
  const form = document.getElementById('template-form');
  const job = document.getElementById('job-form');
  if (!form || !job) return;
  const words = form.dataset;
  const known = JSON.parse(words.known);
  const note = document.getElementById('f-template_name-note');
  const button = document.getElementById('template-save');
  const field = form.elements.template_name;

  function scope() {
    return form.querySelector('input[name=template_scope]:checked').value;
  }
  function exists() {
    return known.includes(`${scope()}/${field.value.trim()}`);
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
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const data = new FormData(job);
    data.set('template_name', field.value);
    data.set('template_scope', scope());
    if (exists()) data.set('overwrite', 'true');
    data.delete('registry.password');
    try {
      const answer = await A.ask(form.action, data);
      told(answer.status, await answer.json());
    } catch {
      say('err', words.failed);
    }
  });
  function told(status, body) {
    if (status === 201 || status === 409) known.push(`${scope()}/${field.value.trim()}`);
    if (status === 201) {
      form.closest('dialog').close();
      A.toast('ok', body.title, body.text || '');
    } else if (status === 409) look();
    else {
      const wrong = status === 422 && Object.values(body.errors).flat().join(' ');
      field.setAttribute('aria-invalid', 'true');
      say('err', wrong || body.detail || words.failed);
      field.focus();
    }
  }
})();
