/** What stands at `/` until the portal's own issue: who is signed in, whether the service works. */
import keyIcon from './key.svg'
import { SignedIn } from './SignedIn.tsx'
import { useServiceState, type ServiceState } from './use-service-state.ts'

const STATES: Readonly<Record<ServiceState, { word: string; sentence: string }>> = {
  asking: { word: 'Asking', sentence: 'Asking the service how it is.' },
  ready: { word: 'Ready', sentence: 'Devices can store keys, and keys can be looked up.' },
  notReady: {
    word: 'Not ready',
    sentence: 'The service does not answer as it should. Its log says why; we ask again in 10 s.',
  },
}

export function Welcome() {
  const state = useServiceState()
  const { word, sentence } = STATES[state]
  return (
    <main>
      <h1>
        <img src={keyIcon} alt="" width="28" height="28" /> Keydesk
      </h1>
      <p className="lead">This organisation keeps its BitLocker recovery keys here.</p>

      <section aria-labelledby="state">
        <h2 id="state">Service</h2>
        <p role="status">
          <span className={`badge ${state}`}>{word}</span> {sentence}
        </p>
      </section>

      <section aria-labelledby="locked">
        <h2 id="locked">Locked out of your PC?</h2>
        <p>
          Call your helpdesk and read out the <strong>first 8 characters of the key ID</strong> from
          the recovery screen. They find the key that belongs to it and read it out to you. Every
          look is on record, and a key that was looked at is replaced on your PC.
        </p>
      </section>

      <section aria-labelledby="account">
        <h2 id="account">Your account</h2>
        <SignedIn />
      </section>
    </main>
  )
}
