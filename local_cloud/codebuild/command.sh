# Runs one buildspec command as CodeBuild (version 0.2) does: in a new shell that starts with the
# variables, functions and folder of the command before. Called by supervisor.py with the state
# folder, the command, and whether the build is succeeding (0 or 1).
if [ -f "$1/shell" ]; then
  # The file also sets read-only variables of bash, which prints an error for each.
  . "$1/shell" 2>/dev/null
  cd -- "$(cat "$1/folder")" || exit 1
fi
# After the restore, which sets these variables to those of the command before.
__cb_state=$1
__cb_command=$2
export CODEBUILD_BUILD_SUCCEEDING=$3
set --
trap '__cb_status=$?
  trap - EXIT
  { declare -p; declare -f; } >"$__cb_state/shell.new" && mv -- "$__cb_state/shell.new" "$__cb_state/shell"
  pwd >"$__cb_state/folder"
  /usr/bin/env -0 >"$__cb_state/environment"
  exit "$__cb_status"' EXIT
eval "$__cb_command"
