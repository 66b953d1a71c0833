/// What this build is.
public enum Build {
    /// Shown by `--version`, in `/status` and in the metric `switchyard_build_info`.
    public static let version = "0.1.0"
}
