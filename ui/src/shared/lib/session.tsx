import { createContext, useContext } from "react";
import type { Who } from "../api/views";

export const SessionContext = createContext<Who | null>(null);

/** Who is signed in. Only below the shell, where somebody is. */
export function useSession(): Who {
  const who = useContext(SessionContext);
  if (who === null) throw new Error("nobody is signed in here");
  return who;
}

export function useMay(): (action: string) => boolean {
  const who = useSession();
  return (action) => action in who.actions;
}
