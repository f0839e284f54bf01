import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "@/shared/api/client";
import { LanguageProvider } from "@/shared/i18n/language";
import "@/shared/styles/tokens.css";
import "@/shared/styles/base.css";
import "@/shared/styles/parts.css";
import "@/shared/styles/layout.css";
import { startTheme } from "@/shared/ui/theme";
import { makeRouter } from "./router";

const WAITING = new Set(["offline", "busy"]);
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // Only what passes by itself is worth another try; a refusal is said at once.
      retry: (failed, error) => failed < 2 && error instanceof ApiError && WAITING.has(error.trouble),
      retryDelay: (failed) => 400 * 2 ** failed,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

startTheme();
const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <LanguageProvider>
        <QueryClientProvider client={queries}>
          <RouterProvider router={makeRouter()} />
        </QueryClientProvider>
      </LanguageProvider>
    </StrictMode>,
  );
}
