const PATHS = {
  ghost: "M5 20V10.5a7 7 0 0 1 14 0V20l-2.4-1.8L14.3 20 12 18.2 9.7 20l-2.3-1.8zM9.6 10.6v.9M14.4 10.6v.9",
  overview: "M4 13h6V4H4zM14 20h6V11h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
  start: "M12 3v4M12 17v4M3 12h4M17 12h4M6 6l2.5 2.5M15.5 15.5L18 18M18 6l-2.5 2.5M8.5 15.5L6 18",
  logs: "M4 6h16M4 12h16M4 18h10",
  usage: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  playground: "M5 5h14v10H10l-5 4z",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  routing: "M5 19V9a4 4 0 0 1 4-4h9M14.5 1.5L18 5l-3.5 3.5M5 14h9M14.5 10.5L18 14l-3.5 3.5",
  keys: "M14.5 9.5a4.5 4.5 0 1 1-4.3-4.5 4.5 4.5 0 0 1 4.3 4.5zM13.5 12.5L20 19M17 16l2-2",
  teams: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14a6.5 6.5 0 0 1 3.5 6",
  users: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0",
  organizations: "M4 21V5l8-2v18M12 9l8 2v10M3 21h18M7.5 8v0M7.5 12v0M7.5 16v0M16 14v0M16 17.5v0",
  customers: "M4 8h16v12H4zM9 8V5a3 3 0 0 1 6 0v3",
  budgets: "M12 3v18M16.5 7.5C16 6 14.5 5.5 12 5.5c-3 0-4.5 1.3-4.5 3.2 0 4.3 9.3 2.3 9.3 6.8 0 2-1.8 3.3-4.8 3.3-2.7 0-4.4-.8-5-2.5",
  tags: "M4 4h7l9 9-7 7-9-9zM8 8v0",
  audit: "M12 3l7 3v5.5c0 4.5-3 7.7-7 9.5-4-1.8-7-5-7-9.5V6zM9 12l2.2 2.2L15 10",
  approvals: "M4 13h4l2 3h4l2-3h4M4 13l3-8h10l3 8v6H4zM9.5 9.5l1.8 1.8 3.4-3.4",
  account: "M12 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM6.5 18.5a5.5 5.5 0 0 1 11 0M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 0 0-17 0z",
  projects: "M4 6h6l2 2h8v11H4zM4 11h16",
  access_groups: "M8 12a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM16 18a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM10.5 10.5l3 3M4 20h6M14 4h6",
  roles: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM12 11a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8.5 15.5a3.5 3.5 0 0 1 7 0",
  cache: "M12 8c4.4 0 8-1.1 8-2.5S16.4 3 12 3 4 4.1 4 5.5 7.6 8 12 8zM4 5.5v13C4 19.9 7.6 21 12 21s8-1.1 8-2.5v-13M4 12c0 1.4 3.6 2.5 8 2.5s8-1.1 8-2.5",
  health: "M3 12h4l2.5-6 4 12 2.5-6h5",
  settings: "M5 7h8M17 7h2M5 17h2M11 17h8M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5l4.5 4.5L19 7.5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5",
  menu: "M4 7h16M4 12h16M4 17h16",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  up: "M12 19V6M6 12l6-6 6 6",
  down: "M12 5v13M6 12l6 6 6-6",
  warn: "M12 4l9 16H3zM12 10v4M12 17v0",
  refresh: "M19 12a7 7 0 1 1-2-4.9M19 4v4h-4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
