import { describe, expect, test } from 'vitest'
import { createMetrics } from '../ops/metrics.ts'
import { generateKeyring } from '../vault/keyring.ts'
import { isCommonPassword } from './is-common-password.ts'
import { createPasswordHasher } from './password-hash.ts'
import { passwordProblem } from './password-rules.ts'

const OWNER = { userPrincipalName: 'alice.liddell@wonder.example', displayName: 'Alice Liddell' }
const ALICE = '11111111-1111-4111-8111-111111111111'
const BOB = '22222222-2222-4222-8222-222222222222'
const PASSWORD = 'copper kettle sings at dawn'

describe('a new password', () => {
  test.each([
    ['eleven letters, however they are composed', 'e\u0301'.repeat(11)],
    ['too short', 'kX9#vQ2!mZ'],
    ['too long', 'kX9#vQ2!mZ'.repeat(26)],
    ['with the own name', 'mulberry-LIDDELL-oxide'],
    ['with the user name', 'alice.liddell tractor'],
    ['with the domain', 'tractor wonder mulberry'],
    ['with the name of the service', 'Key-Desk tractor oxide'],
  ])('is refused if %s', (_, password) => {
    expect(passwordProblem(password, OWNER)).toMatch(/^(Use|Do not use)/)
  })

  test.each([PASSWORD, 'xK9#mQ2vLp0w', 'tractor mulberry oxide', '私の猫は青いチーズを食べる'])(
    'is taken: %s',
    (password) => {
      expect(passwordProblem(password, OWNER)).toBeUndefined()
    },
  )

  test.each([
    'password1234',
    'P@ssw0rd!2026',
    'qwertyuiop123',
    '1q2w3e4r5t6y',
    '123456789012',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    'iloveyou1234',
    'Summer2026!!',
    'Welcome-12345',
    'correct horse battery staple',
    'letmeinplease1',
    'liverpool1892',
    'monkeydragon99',
  ])('that attackers try first is refused: %s', (password) => {
    expect(isCommonPassword(password)).toBe(true)
    expect(passwordProblem(password, OWNER)).toContain('attackers try first')
  })

  test('that is hostile takes no time to judge', () => {
    const startedAt = performance.now()
    for (const unit of ['a', '1l', 'pass', '!il|1', 'password1']) isCommonPassword(unit.repeat(256))
    // Far less on any machine; trying every spelling of the text would not end.
    expect(performance.now() - startedAt).toBeLessThan(30_000)
  })
})

describe('a stored password', () => {
  const deps = { keyring: generateKeyring(), metrics: createMetrics() }
  const hasher = createPasswordHasher(deps)

  test('fits its own user only, and in this deployment only', async () => {
    const stored = await hasher.hash(ALICE, PASSWORD)
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=32768,t=3,p=1\$/)
    expect(await hasher.verify(ALICE, stored, PASSWORD)).toBe(true)
    expect(await hasher.verify(ALICE, stored, `${PASSWORD}.`)).toBe(false)
    expect(await hasher.verify(BOB, stored, PASSWORD)).toBe(false)
    const other = createPasswordHasher({ ...deps, keyring: generateKeyring() })
    expect(await other.verify(ALICE, stored, PASSWORD)).toBe(false)
  })

  test('is the same however the keyboard composes its characters', async () => {
    const stored = await hasher.hash(ALICE, 'caf\u00e9 tractor oxide')
    expect(await hasher.verify(ALICE, stored, 'cafe\u0301 tractor oxide')).toBe(true)
  })

  test('is hashed anew when it was made with other parameters', async () => {
    const stored = await hasher.hash(ALICE, PASSWORD)
    expect(hasher.isOutdated(stored)).toBe(false)
    expect(hasher.isOutdated(stored.replace('m=32768', 'm=19456'))).toBe(true)
  })

  test.each([
    ['nothing', undefined],
    ['nonsense', 'nonsense'],
    ['a gigabyte', '$argon2id$v=19$m=1048576,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43)],
  ])('that is %s costs one ordinary hash and fits nothing', async (_, stored) => {
    const count = async () => (await deps.metrics.passwordHashes.get()).values[0]?.value ?? 0
    const before = await count()
    expect(await hasher.verify(ALICE, stored, PASSWORD)).toBe(false)
    expect(await count()).toBe(before + 1)
  })

  test('is not worked on without end: too many at once are told to come back', async () => {
    const guesses = Array.from({ length: 70 }, () => hasher.verify(ALICE, undefined, PASSWORD))
    const settled = await Promise.allSettled(guesses)
    const refused = settled.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(4)
    expect(refused[0]).toMatchObject({ reason: { code: 'TOO_MANY_REQUESTS' } })
  })

  test('is worked on first for a browser that has signed in before', async () => {
    const order: string[] = []
    const strangers = Array.from({ length: 70 }, () =>
      hasher.verify(ALICE, undefined, PASSWORD).then(() => order.push('stranger')),
    )
    const known = hasher.verify(ALICE, undefined, PASSWORD, 'known').then(() => order.push('known'))
    await Promise.allSettled([...strangers, known])
    expect(order).toHaveLength(67)
    expect(order.indexOf('known')).toBeLessThanOrEqual(4)
  })
})
