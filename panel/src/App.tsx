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
              <Route path="/customers/:id">{({ id }) => <CustomerPage key={id} id={id} type={null} />}</Route>
              <Route path="/customers/:id/reports/:type">
                {({ id, type }) => <CustomerPage key={id} id={id} type={type} />}
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
