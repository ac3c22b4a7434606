/** Entry of the portal: one page until the portal's own issue. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Welcome } from './Welcome.tsx'
import './portal.css'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no element with the id "root"')
createRoot(root).render(
  <StrictMode>
    <Welcome />
  </StrictMode>,
)
