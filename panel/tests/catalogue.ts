import type { ColumnInfo, ReportInfo } from '../src/api/catalogue'
import type { Asked } from '../src/api/report'
import { NOTHING } from '../src/view/viewState'
import type { ViewState } from '../src/view/viewState'

export const column = (name: string, rest: Partial<ColumnInfo> = {}): ColumnInfo => ({
  name,
  constant: name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  title: name,
  description: `What ${name} means`,
  unit: null,
  kind: 'MEASURE',
  type: 'BigInt',
  nullable: false,
  formula: null,
  format: 'INTEGER',
  staffOnly: false,
  inTotals: true,
  keyWhen: null,
  ...rest,
})

const key = { kind: 'DIMENSION', type: 'String', format: 'TEXT', inTotals: false } as const
const currency = { type: 'String', format: 'TEXT', nullable: true, keyWhen: 'byCurrency' } as const

/** The report of the schema that has parameters of all kinds, money, and keys that depend on a parameter. */
export const REPORT: ReportInfo = {
  name: 'USA_RATE_CENTER',
  typeName: 'UsaRateCenter',
  parametersField: 'usaRateCenter',
  title: 'USA Rate Center',
  description: '',
  listsCalls: true,
  staffOnly: false,
  columns: [
    column('prefix', key),
    column('rc', key),
    column('totalCustomerCharge', { type: 'Decimal', format: 'MONEY', unit: 'customerCurrency', nullable: true }),
    column('customerCurrency', currency),
    column('callCount', { unit: 'calls' }),
  ],
  parameters: [
    { name: 'side', description: null, type: 'UsaRateCenterSide', values: ['ORIGINATING', 'TERMINATING'], default: 'TERMINATING' },
    { name: 'byCurrency', description: null, type: 'Boolean', values: null, default: 'false' },
  ],
  chart: { kind: 'BAR', dimension: 'prefix', measure: 'callCount' },
}

export const RANGE = { from: '2025-11-03T00:00:00Z', to: '2025-11-04T00:00:00Z' }

export const asked = (view: Partial<ViewState> = {}): Asked => ({
  customer: '1001',
  report: REPORT,
  view: { ...NOTHING, ...view, range: RANGE },
})
