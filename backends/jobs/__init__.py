"""Changes that live on the node: started once, watched from anywhere, put right when something dies."""
