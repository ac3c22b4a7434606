/*
 * Passkeys: the one thing that the pages cannot do without a script. A form that carries
 * data-passkey="get" or "create" fetches its options when it is sent, asks the browser, puts the
 * answer into its field "credential" and goes on as any other form.
 */

const REFUSED = 'The passkey was not used. Try again, or go on another way.'
const UNABLE = 'This browser cannot use passkeys here. Go on another way.'

for (const form of document.querySelectorAll('form[data-passkey]')) {
  const message = form.querySelector('[role="alert"]')
  const button = form.querySelector('button')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    message.hidden = true
    button.disabled = true
    void send(form, button, message)
  })
}

for (const part of document.querySelectorAll('[data-needs-passkeys]')) part.hidden = false

async function send(form, button, message) {
  try {
    const credential = await answer(form)
    form.elements.namedItem('credential').value = JSON.stringify(credential)
    form.submit()
  } catch (error) {
    button.disabled = false
    message.textContent = error instanceof TypeError ? UNABLE : REFUSED
    message.hidden = false
  }
}

async function answer(form) {
  const response = await fetch(form.dataset.options, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ csrf: form.elements.namedItem('csrf').value }),
  })
  if (!response.ok) throw new Error('no options')
  const options = await response.json()
  if (form.dataset.passkey === 'create') {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
    return (await navigator.credentials.create({ publicKey })).toJSON()
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  return (await navigator.credentials.get({ publicKey })).toJSON()
}
