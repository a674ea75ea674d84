import { Link } from 'wouter'

export function NotFoundPage() {
  return (
    <div className="page">
      <h1>There is no such page</h1>
      <p>
        Look at the address, or go to <Link href="/customers">the customers</Link>.
      </p>
    </div>
  )
}
