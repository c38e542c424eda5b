/* A submission as YAML: saved as a file, loaded from one. */
(() => {
  'use strict';
  const A = window.Aoli;
  const form = document.getElementById('yaml-form');

  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-save-text]');
    if (!button) return;
    const text = document.getElementById(button.dataset.saveText).textContent;
    const link = document.createElement('a');
    const address = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
    link.href = address;
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => {
      URL.revokeObjectURL(address);
    }, 10000);
  });
  if (!form) return;
  form.elements.file.addEventListener('change', async () => {
    const file = form.elements.file.files[0];
    if (file) form.querySelector('[data-file-name]').textContent = file.name;
    if (!file || file.size > 262144) return;
    form.elements.yaml.value = await file.text();
    form.elements.file.value = '';
  });
  if (form.hasAttribute('data-open-now')) {
    A.openDialog('yaml-dialog');
    form.elements.yaml.focus();
  }
})();
