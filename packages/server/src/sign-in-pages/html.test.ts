import { expect, test } from 'vitest'
import { html } from './html.ts'

test('what is put in is text, in elements and in attributes', () => {
  const name = `<script>alert("1")</script>&'`
  const escaped = '&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;&#39;'
  expect(html`<p title="${name}">${name}</p>`.toString()).toBe(
    `<p title="${escaped}">${escaped}</p>`,
  )
})

test('only what another template made is markup, also in a list', () => {
  const items = ['<a>', '<b>'].map((text) => html`<i>${text}</i>`)
  const list = html`<p>${items}</p>`
  expect(list.toString()).toBe('<p><i>&#60;a&#62;</i><i>&#60;b&#62;</i></p>')
})

test('a condition that does not hold gives nothing', () => {
  expect(html`[${false}${undefined}${0}]`.toString()).toBe('[0]')
})

test('somebody who passes as markup by its shape is text', () => {
  const forged = { toString: () => '<b>', length: 0, map: () => ['<b>'] }
  expect(html`${forged as unknown as string}`.toString()).not.toContain('<b>')
})
