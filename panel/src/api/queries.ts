import { queryOptions } from '@tanstack/react-query'
import callColumnsDocument from './callColumns.graphql?raw'
import catalogueDocument from './catalogue.graphql?raw'
import customerDocument from './customer.graphql?raw'
import customersDocument from './customers.graphql?raw'
import { graphql } from './request'
import type {
  CallColumnsQuery,
  CatalogueQuery,
  CustomerQuery,
  CustomersQuery,
  CustomersQueryVariables,
  ViewerQuery,
} from './types'
import viewerDocument from './viewer.graphql?raw'

/** Who is logged in now. */
export const currentViewer = async (signal?: AbortSignal) =>
  (await graphql<ViewerQuery>({ query: viewerDocument }, signal)).viewer

export const viewerQuery = queryOptions({
  queryKey: ['viewer'],
  queryFn: ({ signal }) => currentViewer(signal),
  staleTime: Infinity,
})

export const catalogueQuery = queryOptions({
  queryKey: ['catalogue'],
  queryFn: async ({ signal }) => (await graphql<CatalogueQuery>({ query: catalogueDocument }, signal)).reportTypes,
  staleTime: 60_000,
})

export const customerQuery = (id: string) =>
  queryOptions({
    queryKey: ['customer', id],
    queryFn: async ({ signal }) =>
      (await graphql<CustomerQuery>({ query: customerDocument, variables: { id } }, signal)).customer,
    staleTime: 60_000,
  })

export const customersPage = async (variables: CustomersQueryVariables, signal: AbortSignal) =>
  (await graphql<CustomersQuery>({ query: customersDocument, variables }, signal)).customers

export const callColumnsQuery = queryOptions({
  queryKey: ['callColumns'],
  queryFn: async ({ signal }) => {
    const { __type } = await graphql<CallColumnsQuery>({ query: callColumnsDocument }, signal)
    return (__type?.fields ?? []).flatMap(({ name, description, type }) => {
      const value = type.kind === 'NON_NULL' ? type.ofType : type
      const column = { name, description: description ?? '', type: value?.name ?? '' }
      return value?.kind === 'SCALAR' ? [column] : []
    })
  },
  staleTime: Infinity,
})
