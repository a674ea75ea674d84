import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { explain } from '../api/explain'
import { isLoggedOut } from '../api/failure'
import { logIn } from '../api/request'

const words = (error: unknown): string => {
  if (isLoggedOut(error)) return 'User name or password is wrong. Look at both and try again.'
  const { title, next } = explain(error)
  return `${title}. ${next}`
}

export function LoginForm({ onLoggedIn }: { onLoggedIn: () => Promise<void> }) {
  const [userName, setUserName] = useState('')
  const [password, setPassword] = useState('')
  const attempt = useMutation({ mutationFn: () => logIn(userName, password), onSuccess: onLoggedIn })
  return (
    <form
      className="login"
      onSubmit={(event) => {
        event.preventDefault()
        attempt.mutate()
      }}
    >
      <label>
        User name
        <input
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          value={userName}
          onChange={(event) => setUserName(event.target.value)}
        />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </label>
      <button type="submit" className="primary" disabled={attempt.isPending}>
        Log in
      </button>
      {attempt.isError && (
        <p className="notice problem" role="alert">
          {words(attempt.error)}
        </p>
      )}
    </form>
  )
}
