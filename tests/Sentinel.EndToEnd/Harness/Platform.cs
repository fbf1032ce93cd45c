using System.Runtime.Versioning;

// Namespaces, modes of files, systemd: what is tried here is tried on Linux.
[assembly: SupportedOSPlatform("linux")]
