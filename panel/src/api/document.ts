/** A value of an enum: a word in a document, a string in variables. */
export class Constant {
  constructor(readonly name: string) {}
  toJSON(): string {
    return this.name
  }
}

export type Value = null | boolean | number | string | Constant | Value[] | { [name: string]: Value }

export interface Argument {
  type: string
  value: Value
}

/** A field, or with `on` alone the fields of one type. */
export interface Field {
  name?: string
  alias?: string
  on?: string
  arguments?: Record<string, Argument>
  fields?: Field[]
}

export const named = (name: string): Field => ({ name })

/** A value as a GraphQL literal. */
export function literal(value: Value): string {
  if (value instanceof Constant) return value.name
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value).map(([name, each]) => `${name}: ${literal(each)}`).join(', ')}}`
  }
  return JSON.stringify(value)
}

type Write = (name: string, argument: Argument) => string

function print(fields: Field[], write: Write, indent: string): string {
  const lines = fields.map((field) => {
    const given = Object.entries(field.arguments ?? {})
    const head = field.on ? `... on ${field.on}` : field.alias ? `${field.alias}: ${field.name}` : field.name
    const values = given.length ? `(${given.map(([name, each]) => `${name}: ${write(name, each)}`).join(', ')})` : ''
    const inner = field.fields ? ` ${print(field.fields, write, `${indent}  `)}` : ''
    return `${indent}  ${head}${values}${inner}`
  })
  return `{\n${lines.join('\n')}\n${indent}}`
}

/** A document that can be pasted anywhere: all values are in it. */
export const asText = (fields: Field[]): string => `${print(fields, (_, each) => literal(each.value), '')}\n`

/** A request whose values travel as variables, so that its text is the same for every range and filter. */
export function asRequest(operation: string, fields: Field[]) {
  const variables: Record<string, Value> = {}
  const types: Record<string, string> = {}
  const write: Write = (name, { type, value }) => {
    let variable = name
    for (let next = 2; variable in variables && variables[variable] !== value; next++) variable = `${name}${next}`
    variables[variable] = value
    types[variable] = type
    return `$${variable}`
  }
  const body = print(fields, write, '')
  const declared = Object.entries(types).map(([name, type]) => `$${name}: ${type}`).join(', ')
  return { query: `query ${operation}${declared && `(${declared})`} ${body}`, variables }
}
