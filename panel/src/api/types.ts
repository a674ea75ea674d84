/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** A kind of chart. */
export type ChartKind =
  /** The largest rows and the others: ask for `top`. */
  | 'BAR'
  /** A figure along time. */
  | 'LINE';

/** How to show a column's values. */
export type ColumnFormat =
  /** As they are. */
  | 'TEXT'
  /** Yes or no. */
  | 'BOOLEAN'
  /** A whole number. */
  | 'INTEGER'
  /** A number with a fraction. */
  | 'NUMBER'
  /** A number from 0 to 1, as a percentage. */
  | 'PERCENT'
  /** Seconds, as minutes and seconds. */
  | 'DURATION'
  /** An exact decimal in the currency of the column `unit`. */
  | 'MONEY'
  /** A date and time. */
  | 'MOMENT';

/** What a column is to the rows. */
export type ColumnKind =
  /** Rows are grouped by it. */
  | 'DIMENSION'
  /** A figure over the calls of a row. */
  | 'MEASURE'
  /** One figure over another; null over 0. */
  | 'RATIO';

/** What a key or a user may see and do. */
export type Role =
  /** Everything, also keys and loads. */
  | 'ADMIN'
  /** All columns of all customers, where it is not limited. */
  | 'STAFF'
  /** The columns for partners, of its own customers. */
  | 'PARTNER'
  /** Load CDRs, and nothing else. */
  | 'LOADER';

/** An enum describing what kind of type a given `__Type` is. */
export type __TypeKind =
  /** Indicates this type is a scalar. */
  | 'SCALAR'
  /** Indicates this type is an object. `fields` and `interfaces` are valid fields. */
  | 'OBJECT'
  /** Indicates this type is an interface. `fields`, `interfaces`, and `possibleTypes` are valid fields. */
  | 'INTERFACE'
  /** Indicates this type is a union. `possibleTypes` is a valid field. */
  | 'UNION'
  /** Indicates this type is an enum. `enumValues` is a valid field. */
  | 'ENUM'
  /** Indicates this type is an input object. `inputFields` is a valid field. */
  | 'INPUT_OBJECT'
  /** Indicates this type is a list. `ofType` is a valid field. */
  | 'LIST'
  /** Indicates this type is a non-null. `ofType` is a valid field. */
  | 'NON_NULL';

export type CallColumnsQueryVariables = Exact<{ [key: string]: never; }>;


export type CallColumnsQuery = { __type: { fields: Array<{ name: string, description: string | null, type: { kind: __TypeKind, name: string | null, ofType: { kind: __TypeKind, name: string | null } | null } }> | null } | null };

export type CatalogueQueryVariables = Exact<{ [key: string]: never; }>;


export type CatalogueQuery = { reportTypes: Array<{ name: string, typeName: string, parametersField: string | null, title: string, description: string, listsCalls: boolean, staffOnly: boolean, columns: Array<{ name: string, constant: string, title: string, description: string, unit: string | null, kind: ColumnKind, type: string, nullable: boolean, formula: string | null, format: ColumnFormat, staffOnly: boolean, inTotals: boolean, keyWhen: string | null }>, parameters: Array<{ name: string, description: string | null, type: string, values: Array<string> | null, default: string }>, chart: { kind: ChartKind, dimension: string, measure: string } | null }> };

export type CustomerQueryVariables = Exact<{
  id: string;
}>;


export type CustomerQuery = { customer: { id: string, name: string, currency: string } | null };

export type CustomersQueryVariables = Exact<{
  search?: string | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type CustomersQuery = { customers: Array<{ id: string, name: string, currency: string }> };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { name: string, role: Role, limits: { rangeDays: number, rowsPerPage: number, callsPerPage: number, customersPerPage: number } } };
