import type { Parameters } from '../api/catalogue'
import type { Filter } from './filter'
import { isEmpty } from './filter'

export type CountingBasis = 'CALL' | 'ATTEMPT'
export type ChartChoice = 'bar' | 'line' | 'none'
export interface Sort {
  column: string
  direction: 'asc' | 'desc'
}

/** All of a report's view that its address holds, beside customer and report. */
export interface ViewState {
  /** Instants as in RFC 3339; both are there, or neither. */
  range: { from: string; to: string } | null
  zone: string | null
  basis: CountingBasis
  parameters: Parameters
  /** Names in the order shown; null for all. */
  columns: string[] | null
  sort: Sort[]
  where: Filter
  /** Null for what suits the report. */
  chart: ChartChoice | null
  measure: string | null
}

export const NOTHING: ViewState = {
  range: null,
  zone: null,
  basis: 'CALL',
  parameters: {},
  columns: null,
  sort: [],
  where: {},
  chart: null,
  measure: null,
}

export interface ReadView {
  view: ViewState
  /** Parts of the address that could not be read. */
  unread: string[]
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readSort(text: string): Sort[] {
  return text.split(',').map((part) => {
    const [column, direction = 'asc'] = part.split(':')
    if (!column || (direction !== 'asc' && direction !== 'desc')) throw new SyntaxError(part)
    return { column, direction }
  })
}

function readObject<Shape extends object>(text: string): Shape {
  const value = JSON.parse(text) as unknown
  if (!isObject(value)) throw new SyntaxError(text)
  return value as Shape
}

function readMoment(text: string): string {
  const moment = /(Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : new Date(NaN)
  return moment.toISOString().replace('.000Z', 'Z')
}

function readZone(text: string): string {
  new Intl.DateTimeFormat('en', { timeZone: text })
  return text
}

function oneOf<Choice extends string>(...choices: Choice[]) {
  return (text: string): Choice => {
    const choice = choices.find((each) => each === text)
    if (choice === undefined) throw new SyntaxError(text)
    return choice
  }
}

/** The view that an address holds. What cannot be read is left out and named. */
export function readView(search: URLSearchParams): ReadView {
  const unread: string[] = []
  function read<Part>(name: string, parse: (text: string) => Part, otherwise: Part): Part {
    const text = search.get(name)
    if (text === null || text === '') return otherwise
    try {
      return parse(text)
    } catch {
      unread.push(name)
      return otherwise
    }
  }
  const from = read<string | null>('from', readMoment, null)
  const to = read<string | null>('to', readMoment, null)
  const view: ViewState = {
    range: from && to ? { from, to } : null,
    zone: read<string | null>('zone', readZone, null),
    basis: read<CountingBasis>('basis', oneOf('CALL', 'ATTEMPT'), 'CALL'),
    parameters: read<Parameters>('parameters', readObject, {}),
    columns: read<string[] | null>('columns', (text) => text.split(',').filter(Boolean), null),
    sort: read<Sort[]>('sort', readSort, []),
    where: read<Filter>('where', readObject, {}),
    chart: read<ChartChoice | null>('chart', oneOf('bar', 'line', 'none'), null),
    measure: search.get('measure'),
  }
  return { view, unread }
}

/** The address's search of a view, without what is usual. */
export function writeView(view: ViewState): string {
  const search = new URLSearchParams()
  const set = (name: string, text: string | null | undefined) => text && search.set(name, text)
  set('from', view.range?.from)
  set('to', view.range?.to)
  set('zone', view.zone)
  set('basis', view.basis === 'CALL' ? null : view.basis)
  set('parameters', Object.keys(view.parameters).length ? JSON.stringify(view.parameters) : null)
  set('columns', view.columns?.join(','))
  set('sort', view.sort.map((each) => `${each.column}:${each.direction}`).join(','))
  set('where', isEmpty(view.where) ? null : JSON.stringify(view.where))
  set('chart', view.chart)
  set('measure', view.measure)
  return search.toString()
}
