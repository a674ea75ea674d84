import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Asked, Result } from '../api/report'
import { viewRequest } from '../api/report'
import { graphql } from '../api/request'

export interface Generated {
  asked: Asked
  result: Result
  /** When the answer came; tells two answers to one question apart. */
  at: number
}

const sameReport = (one: Asked, other: Asked) =>
  one.customer === other.customer && one.report.name === other.report.name

/** Runs what is asked for, and keeps the last answer of the same report while the next one is awaited or fails. */
export function useReport(asked: Asked | null, pageSize: number) {
  const client = useQueryClient()
  const request = asked && viewRequest(asked, pageSize)
  const queryKey = ['report', request]
  const query = useQuery({
    queryKey,
    enabled: asked !== null,
    staleTime: Infinity,
    structuralSharing: false,
    queryFn: async ({ signal }) => {
      if (!request) throw new Error('nothing is asked for')
      return (await graphql<{ customReport: Result }>(request, signal)).customReport
    },
  })
  const [kept, setKept] = useState<Generated | null>(null)
  if (asked && query.data && kept?.result !== query.data) {
    setKept({ asked, result: query.data, at: query.dataUpdatedAt })
  }
  const running = query.isFetching
  const [stopped, setStopped] = useState<Asked | null>(null)
  return {
    generated: kept && asked && sameReport(kept.asked, asked) ? kept : null,
    /** Whether the answer is not to what is asked for now. */
    outdated: kept?.result !== query.data,
    error: query.error,
    running,
    cancelled: asked !== null && stopped === asked && !running,
    cancel: () => {
      setStopped(asked)
      void client.cancelQueries({ queryKey })
    },
    again: () => {
      setStopped(null)
      void query.refetch()
    },
  }
}
