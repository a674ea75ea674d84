import { lazy, Suspense } from 'react'
import { Redirect, Route, Switch } from 'wouter'
import { CustomerPage } from './pages/CustomerPage'
import { CustomersPage } from './pages/CustomersPage'
import { NotFoundPage } from './pages/NotFoundPage'
import { ErrorBoundary } from './ui/ErrorBoundary'
import { Header } from './ui/Header'
import { Loading } from './ui/Loading'
import { SessionGate } from './ui/SessionGate'

const GraphiQLPage = lazy(() => import('./pages/GraphiQLPage'))

/** A part of the address's path as it was meant; the router leaves `%2F` and its like as they are. */
const pathPart = (index: number): string => decodeURIComponent(window.location.pathname.split('/')[index] ?? '')

export function App() {
  return (
    <ErrorBoundary>
      <SessionGate>
        <Header />
        <main id="main" tabIndex={-1}>
          <Suspense fallback={<Loading what="page" />}>
            <Switch>
              <Route path="/">
                <Redirect to="/customers" replace />
              </Route>
              <Route path="/login">
                <Redirect to="/customers" replace />
              </Route>
              <Route path="/customers" component={CustomersPage} />
              <Route path="/customers/:id">{() => <CustomerPage key={pathPart(2)} id={pathPart(2)} type={null} />}</Route>
              <Route path="/customers/:id/reports/:type">
                {() => <CustomerPage key={pathPart(2)} id={pathPart(2)} type={pathPart(4)} />}
              </Route>
              <Route path="/graphiql" component={GraphiQLPage} />
              <Route component={NotFoundPage} />
            </Switch>
          </Suspense>
        </main>
      </SessionGate>
    </ErrorBoundary>
  )
}
