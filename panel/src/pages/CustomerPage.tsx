import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { catalogueQuery, customerQuery } from '../api/queries'
import { CustomReports } from '../report/CustomReports'
import { Breadcrumb } from '../ui/Breadcrumb'
import { Loading } from '../ui/Loading'
import { Problem } from '../ui/Problem'

interface Props {
  id: string
  /** The report in the address; null where none is chosen. */
  type: string | null
}

export function CustomerPage({ id, type }: Props) {
  const customer = useQuery(customerQuery(id))
  const catalogue = useQuery(catalogueQuery)
  const home = `/customers/${encodeURIComponent(id)}`
  const failed = [customer, catalogue].find((each) => each.isError && !each.data)
  if (failed) {
    return (
      <div className="page">
        <Breadcrumb steps={[{ text: 'Management' }, { text: 'Customers', href: '/customers' }, { text: id }]} />
        <Problem error={failed.error} onRetry={() => void failed.refetch()} />
      </div>
    )
  }
  if (!customer.data || !catalogue.data) return <Loading what="customer" />
  const { name, currency } = customer.data
  return (
    <div className="page">
      <Breadcrumb
        steps={[
          { text: 'Management' },
          { text: 'Customers', href: '/customers' },
          { text: name, href: home },
          { text: 'Custom Reports' },
        ]}
      />
      <div className="identity">
        <h1>{name}</h1>
        <dl>
          <div>
            <dt>Id</dt>
            <dd>{id}</dd>
          </div>
          <div>
            <dt>Currency</dt>
            <dd>{currency}</dd>
          </div>
        </dl>
      </div>
      <div role="tablist" aria-label="Customer" className="tabs">
        <Link href={home} role="tab" id="reports-tab" aria-selected="true" aria-controls="reports">
          Custom Reports
        </Link>
      </div>
      <div role="tabpanel" id="reports" aria-labelledby="reports-tab">
        <CustomReports customer={id} reports={catalogue.data} type={type} />
      </div>
    </div>
  )
}
