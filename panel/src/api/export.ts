import { isEmpty } from '../view/filter'
import type { Asked } from './report'
import { shownColumns } from './report'

export const FORMATS = { csv: 'CSV', xlsx: 'XLSX', parquet: 'Parquet' } as const
export type Format = keyof typeof FORMATS

/** Where the whole of a view is to be had as a file. */
export function exportAddress({ customer, report, view }: Asked, zone: string, format: Format): string {
  const order = view.sort.flatMap(({ column, direction }) => {
    const info = report.columns.find((each) => each.name === column)
    return info ? [{ column: info.constant, direction: direction.toUpperCase() }] : []
  })
  const search = new URLSearchParams({
    customer,
    from: view.range.from,
    to: view.range.to,
    basis: view.basis,
    timeZone: zone,
    columns: shownColumns(report, view.columns).map((each) => each.name).join(','),
  })
  if (Object.keys(view.parameters).length) search.set('parameters', JSON.stringify(view.parameters))
  if (!isEmpty(view.where)) search.set('where', JSON.stringify(view.where))
  if (order.length) search.set('orderBy', JSON.stringify(order))
  return `/export/${report.name}.${format}?${search.toString()}`
}
