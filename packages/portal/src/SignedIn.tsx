/** The way in, or who is in and the way out. */
import { useMe } from './use-me.ts'

export function SignedIn() {
  const me = useMe()
  if (me === undefined) return <p>Asking who is signed in.</p>
  if (me === 'nobody') {
    return (
      <p>
        <a className="button" href="/sign-in?returnTo=/">
          Sign in
        </a>
      </p>
    )
  }
  return (
    <>
      <p>
        You are signed in as <strong>{me.displayName ?? me.name}</strong> ({me.name}).
      </p>
      <form className="actions" method="post" action="/sign-out">
        <input type="hidden" name="csrf" value={me.session?.csrfToken ?? ''} />
        <a className="button" href="/account">
          Password, second step, sessions
        </a>
        <button type="submit">Sign out</button>
      </form>
    </>
  )
}
