import { Component } from 'react'
import type { ReactNode } from 'react'
import { Problem } from './Problem'

export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  override render() {
    return this.state.error === null ? this.props.children : <Problem error={this.state.error} />
  }
}
